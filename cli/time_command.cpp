// time_command.cpp - `fovea time`: one training step, layer by layer, a column for each engine.
#include <fovea/cli/context.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/train/step_timing.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

namespace fovea::cli {
namespace {

using Json = nlohmann::ordered_json;

/// One engine list in one math mode.
struct Column {
  std::string engines, math;
  std::string declined;  // why there is no timing
  StepTiming timing;
  std::size_t planned_bytes = 0;
  std::string name() const { return (engines.empty() ? "default" : engines) + " " + math; }
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::vector<Column> columns_of(const TimeCommand& o) {
  std::vector<std::string> engines = o.engines;
  if (engines.empty()) engines.emplace_back();  // the device's own list
  std::vector<Column> columns;
  for (const std::string& e : engines) {
    for (const std::string& math : split(o.maths, ',')) {
      columns.push_back({.engines = e, .math = math, .declined = {}, .timing = {}});
    }
  }
  return columns;
}

void measure(Column& column, const CommandContext& c, const TimeCommand& o, const Recipe& recipe,
             const Device& device) {
  Common common = c.common;
  common.engines = column.engines;
  common.math = column.math;
  try {
    Executor e(recipe, assumed_classes(recipe), Preprocessing::none(recipe.input), c.registry,
               {.device = device, .math = common.math_mode(), .policy = common.policy(device)});
    const Executor::PlanId training = e.add_training(recipe.train.batch);
    column.planned_bytes = e.planned_bytes();
    e.allocate();
    column.timing = time_step(e, training, recipe.train.batch, o.steps, common.seed);
  } catch (const Unsupported& error) {
    column.declined = error.what();
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

std::string microseconds(std::int64_t ns) { return format("%.1f", static_cast<double>(ns) / 1e3); }

template <class Cell>
void add_line(Table& table, const std::string& head, const std::vector<Column>& columns,
              const Cell& cell) {
  std::vector<std::string> cells{head};
  for (const Column& c : columns) cells.push_back(cell(c));
  table.add(std::move(cells));
}

void print_table(const std::vector<Column>& columns) {
  std::vector<std::string> heads{"us"};
  for (const Column& c : columns) heads.push_back(c.name());
  Table table(std::move(heads));
  for (const std::string& line : lines_of(columns)) {
    add_line(table, line, columns, [&](const Column& c) {
      std::int64_t ns = 0;
      for (const StepPart& p : c.timing.parts) ns += line_of(p) == line ? p.ns : 0;
      return microseconds(ns);
    });
  }
  add_line(table, "sum of these", columns,
           [](const Column& c) { return microseconds(c.timing.launched_ns); });
  add_line(table, "as training runs it", columns,
           [](const Column& c) { return microseconds(c.timing.replayed_ns); });
  add_line(table, "difference", columns, [](const Column& c) {
    return microseconds(c.timing.launched_ns - c.timing.replayed_ns);
  });
  add_line(table, "images/s", columns, [](const Column& c) {
    return thousands(static_cast<std::int64_t>(c.timing.images_per_second()));
  });
  add_line(table, "planned memory", columns,
           [](const Column& c) { return bytes(c.planned_bytes); });
  std::fputs(table.text().c_str(), stdout);
}

Json json_of(const Column& c) {
  Json j = {{"engines", c.engines}, {"math", c.math}};
  if (!c.declined.empty()) {
    j["declined"] = c.declined;
    return j;
  }
  j["declined"] = nullptr;
  j["parts"] = Json::array();
  for (const StepPart& p : c.timing.parts) {
    j["parts"].push_back({{"layer", p.layer},
                          {"op", p.op},
                          {"pass", name_of(p.pass)},
                          {"engine", p.engine},
                          {"algorithm", p.algorithm},
                          {"flops", p.flops},
                          {"ns", p.ns}});
  }
  j["launched_ns"] = c.timing.launched_ns;
  j["replayed_ns"] = c.timing.replayed_ns;
  j["replayed_p10_ns"] = c.timing.replayed_p10_ns;
  j["replayed_p90_ns"] = c.timing.replayed_p90_ns;
  j["images_per_second"] = c.timing.images_per_second();
  j["planned_bytes"] = c.planned_bytes;
  return j;
}

}  // namespace

int run_time(const CommandContext& c, const TimeCommand& o) {
  const Recipe recipe = o.recipe.resolve();
  const Device device = Device::parse(c.common.device);
  std::vector<Column> columns = columns_of(o);
  Json json = {{"recipe", recipe.name},
               {"batch", recipe.train.batch},
               {"device", to_string(device)},
               {"steps", o.steps},
               {"columns", Json::array()}};
  for (Column& column : columns) {
    c.progress("time     " + column.name());
    measure(column, c, o, recipe, device);
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
  for (const Column& k : declined) c.print(k.name() + " declined: " + k.declined);
  return 0;
}

}  // namespace fovea::cli
