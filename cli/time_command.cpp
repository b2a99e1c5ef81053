// time_command.cpp - `fovea time`: one training step, layer by layer, for each engine its time, the
// floor below it and the share of it.
#include <fovea/cli/context.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/machine.h>
#include <fovea/cli/names.h>
#include <fovea/cli/plan_text.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/core/resource_adaptors.h>
#include <fovea/kernels/compare/compare.h>
#include <fovea/train/step_timing.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

namespace fovea::cli {
namespace {

using Json = nlohmann::ordered_json;

/// One engine list in one math mode.
struct Column {
  std::string engines;
  Math math = Math::fp32;
  std::string declined;  // why there is no timing
  StepTiming timing;
  std::vector<double> floors_us;  // by part; 0 where no least time is known
  std::size_t planned_bytes = 0, peak_bytes = 0;
  std::string lets_in;  // with --nondeterministic
  std::string who;      // computes what, where several engines do
  std::string name() const {
    return (engines.empty() ? "default" : engines) + " " + std::string(name_of(math));
  }
};

std::vector<Math> maths_of(const TimeCommand& o) {
  return parse_names<Math>(split(o.maths, ','), {Math::fp32, Math::tf32, Math::bf16}, "--math");
}

std::vector<Column> columns_of(const TimeCommand& o) {
  std::vector<std::string> engines = o.engines;
  if (engines.empty()) engines.emplace_back();  // the device's own list
  std::vector<Column> columns;
  for (const std::string& e : engines) {
    for (const Math math : maths_of(o)) {
      columns.push_back({.engines = e,
                         .math = math,
                         .declined = {},
                         .timing = {},
                         .floors_us = {},
                         .lets_in = {},
                         .who = {}});
    }
  }
  return columns;
}

/// Measured when the first column has been: not where all decline.
class LazyCeilings {
 public:
  LazyCeilings(const Registry& registry, const Device& device, std::vector<Math> maths)
      : registry_{registry} {
    options_.device = device;
    options_.maths = std::move(maths);
  }
  const compare::Ceilings& operator()() {
    if (!ceilings_) ceilings_ = measure_ceilings(registry_, options_);
    return *ceilings_;
  }

 private:
  const Registry& registry_;
  compare::Options options_;
  std::optional<compare::Ceilings> ceilings_;
};

/// Which ops each engine has; "" where one has all.
std::string who_of_several(const Plan& plan) {
  const std::string& first = plan.rows().front().choice.engine;
  const bool several =
      std::ranges::any_of(plan.rows(), [&](const PlanRow& r) { return r.choice.engine != first; });
  return several ? engines_line(plan) : "";
}

void measure(Column& column, const CommandContext& c, const TimeCommand& o, const Recipe& recipe,
             const Device& device, LazyCeilings& ceilings) {
  Common common = c.common;
  common.engines = column.engines;
  common.math = name_of(column.math);
  StatisticsResource memory(default_resource(device));
  try {
    Executor e(recipe, assumed_classes(recipe), Preprocessing::none(recipe.input), c.registry,
               {.device = device,
                .math = column.math,
                .policy = common.policy(device),
                .memory = &memory});
    const Executor::PlanId training = e.add_training(recipe.train.batch);
    column.planned_bytes = e.planned_bytes();
    column.lets_in = what_nondeterministic_lets_in(e.plan(training));
    column.who = who_of_several(e.plan(training));
    e.allocate();
    column.timing = time_step(e, training, recipe.train.batch, o.steps, common.seed);
    column.peak_bytes = memory.statistics().peak_bytes;
  } catch (const Unsupported& error) {
    column.declined = error.what();
    return;
  }
  for (const StepPart& p : column.timing.parts) {
    const auto floor = compare::floor_of(ceilings(), column.math, p.flops, p.bytes);
    column.floors_us.push_back(floor ? floor->us : 0);
  }
}

/// What people compare: a layer's forward and its backward ops together. Gradient ops carry the
/// layer's name with a ' behind it.
std::string line_of(const StepPart& p) {
  if (p.engine.empty() || p.layer == "input" || p.layer == "update") {
    return p.engine.empty() ? p.op : p.layer;
  }
  const bool gradient = p.layer.ends_with('\'');
  return p.layer.substr(0, p.layer.size() - (gradient ? 1 : 0)) +
         (gradient || p.pass != Pass::forward ? " backward" : " forward");
}

std::vector<std::string> lines_of(const std::vector<Column>& columns) {
  std::vector<std::string> lines;
  for (const Column& c : columns) {
    for (const StepPart& p : c.timing.parts) {
      if (std::ranges::find(lines, line_of(p)) == lines.end()) lines.push_back(line_of(p));
    }
  }
  return lines;
}

/// How much of the time the floor is.
std::optional<double> share_of(std::int64_t ns, double floor_us) {
  if (floor_us <= 0 || ns <= 0) return {};
  return floor_us * 1e3 / static_cast<double>(ns);
}

/// A time to the nanosecond, so that what is printed adds up, the least time and the share.
std::vector<std::string> cells_of(std::int64_t ns, double floor_us) {
  const std::string us = format("%.3f", static_cast<double>(ns) / 1e3);
  if (floor_us <= 0) return {us, "", ""};
  const auto share = share_of(ns, floor_us);
  return {us, format("%.1f", floor_us), share ? format("%.2f", *share) : ""};
}

/// The cells of one line of a column: time, floor, share.
std::vector<std::string> cells_of(const Column& c, const std::string& line) {
  std::int64_t ns = 0;
  double floor_us = 0;
  for (std::size_t i = 0; i < c.timing.parts.size(); ++i) {
    if (line_of(c.timing.parts[i]) != line) continue;
    ns += c.timing.parts[i].ns;
    floor_us += c.floors_us[i];
  }
  return cells_of(ns, floor_us);
}

double floor_of(const Column& c) {
  return std::accumulate(c.floors_us.begin(), c.floors_us.end(), 0.0);
}

/// `cells(column)` gives up to three: what is missing stays empty.
template <class Cells>
void add_line(Table& table, const std::string& head, const std::vector<Column>& columns,
              const Cells& cells) {
  std::vector<std::string> row{head};
  for (const Column& c : columns) {
    std::vector<std::string> three = cells(c);
    three.resize(3);
    row.insert(row.end(), three.begin(), three.end());
  }
  table.add(std::move(row));
}

void print_table(const std::vector<Column>& columns) {
  std::vector<std::string> heads{"us"};
  for (const Column& c : columns) heads.insert(heads.end(), {c.name(), "floor", "share"});
  Table table(std::move(heads));
  using Cells = std::vector<std::string>;
  for (const std::string& line : lines_of(columns)) {
    add_line(table, line, columns, [&](const Column& c) { return cells_of(c, line); });
  }
  add_line(table, "sum of these", columns,
           [](const Column& c) { return cells_of(c.timing.launched_ns, floor_of(c)); });
  add_line(table, "as training runs it", columns,
           [](const Column& c) { return cells_of(c.timing.replayed_ns, floor_of(c)); });
  add_line(table, "difference", columns, [](const Column& c) {
    return cells_of(c.timing.launched_ns - c.timing.replayed_ns, 0);
  });
  add_line(table, "images/s", columns, [](const Column& c) {
    return Cells{thousands(static_cast<std::int64_t>(c.timing.images_per_second()))};
  });
  add_line(table, "peak memory", columns,
           [](const Column& c) { return Cells{bytes(c.peak_bytes)}; });
  std::fputs(table.text().c_str(), stdout);
}

/// What the floors are made from: "floors by a copy of 18.2 GB/s and products of 0.31 TFLOP/s in
/// fp32, measured in this run".
std::string text_of(const compare::Ceilings& ceilings, const std::vector<Math>& maths) {
  std::string text = format("floors by a copy of %.1f GB/s and products of", ceilings.copy_gb_s);
  for (const Math math : maths) {
    text +=
        format("%s %.3f TFLOP/s in %s", math == maths.front() ? "" : ",",
               ceilings.gemm_tflops[static_cast<int>(math)], std::string(name_of(math)).c_str());
  }
  return text + ", measured in this run";
}

Json json_of(const Column& c) {
  Json j = {{"engines", c.engines}, {"math", name_of(c.math)}};
  if (!c.declined.empty()) {
    j["declined"] = c.declined;
    return j;
  }
  j["declined"] = nullptr;
  j["parts"] = Json::array();
  const auto share = [](std::int64_t ns, double floor_us) {
    const auto s = share_of(ns, floor_us);
    return s ? Json(*s) : Json(nullptr);
  };
  for (std::size_t i = 0; i < c.timing.parts.size(); ++i) {
    const StepPart& p = c.timing.parts[i];
    j["parts"].push_back({{"layer", p.layer},
                          {"op", p.op},
                          {"pass", name_of(p.pass)},
                          {"engine", p.engine},
                          {"algorithm", p.algorithm},
                          {"flops", p.flops},
                          {"bytes", p.bytes},
                          {"ns", p.ns},
                          {"floor_us", c.floors_us[i] > 0 ? Json(c.floors_us[i]) : Json(nullptr)},
                          {"share", share(p.ns, c.floors_us[i])}});
  }
  j["floor_us"] = floor_of(c);
  j["share"] = share(c.timing.replayed_ns, floor_of(c));
  j["launched_ns"] = c.timing.launched_ns;
  j["replayed_ns"] = c.timing.replayed_ns;
  j["difference_ns"] = c.timing.launched_ns - c.timing.replayed_ns;
  j["replayed_p10_ns"] = c.timing.replayed_p10_ns;
  j["replayed_p90_ns"] = c.timing.replayed_p90_ns;
  j["images_per_second"] = c.timing.images_per_second();
  j["planned_bytes"] = c.planned_bytes;
  j["peak_bytes"] = c.peak_bytes;
  return j;
}

}  // namespace

int run_time(const CommandContext& c, const TimeCommand& o) {
  const Recipe recipe = o.recipe.resolve();
  const Device device = Device::parse(c.common.device);
  std::vector<Column> columns = columns_of(o);
  LazyCeilings ceilings(c.registry, device, maths_of(o));
  Json json = {
      {"made", {{"fovea", version_of("fovea")}, {"date", utc_now()}, {"command", c.command_line}}},
      {"machine", Json::parse(to_json(machine_here(device)))},
      {"recipe", recipe.name},
      {"batch", recipe.train.batch},
      {"device", to_string(device)},
      {"steps", o.steps},
      {"columns", Json::array()}};
  for (Column& column : columns) {
    c.progress("time     " + column.name());
    measure(column, c, o, recipe, device, ceilings);
    json["columns"].push_back(json_of(column));
  }
  if (std::ranges::none_of(columns, [](const Column& k) { return k.declined.empty(); })) {
    throw Unsupported(columns.front().declined);
  }
  if (write_json(c, json.dump(1))) return 0;
  c.print(format("a training step of %s at batch %d on %s: the median of %d", recipe.name.c_str(),
                 recipe.train.batch, to_string(device).c_str(), o.steps));
  const auto declined =
      std::ranges::stable_partition(columns, [](const Column& k) { return k.declined.empty(); });
  print_table({columns.begin(), declined.begin()});
  c.print(text_of(ceilings(), maths_of(o)));
  for (const Column& k : columns) {
    if (!k.who.empty()) c.print(k.name() + ": " + k.who);
    if (c.common.nondeterministic && k.declined.empty()) c.print(k.name() + ": " + k.lets_in);
  }
  for (const Column& k : declined) c.print(k.name() + " declined: " + k.declined);
  return 0;
}

}  // namespace fovea::cli
