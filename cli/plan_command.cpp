// plan_command.cpp - `fovea plan`: what training would take and who would compute, before it does.
#include <fovea/cli/context.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/train/memory.h>

#include <charconv>
#include <nlohmann/json.hpp>

namespace fovea::cli {
namespace {

using Json = nlohmann::ordered_json;

// "24GiB", "512MiB", "8000000".
std::size_t parse_bytes(const std::string& text) {
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(rest, text.data() + text.size());
  const double factor = unit.empty() ? 1 : unit == "MiB" ? 1 << 20 : unit == "GiB" ? 1 << 30 : 0;
  if (error != std::errc{} || factor == 0 || !(value > 0)) {
    throw InvalidArgument("--memory " + text + ": give a size as 24GiB, 512MiB or in bytes");
  }
  return static_cast<std::size_t>(value * factor);
}

// The recipe and number of classes that training would use.
struct Planned {
  Recipe recipe;
  int classes = 0;
};

Planned planned_for(const CommandContext& c, const PlanCommand& o, DataSets& data) {
  Planned p{o.recipe.resolve(), o.classes};
  if (!o.data.empty()) {
    data = open_data(o.data, {.seed = c.common.seed, .shorter_side = p.recipe.input.resize});
    p.recipe.input.channels = data.training->channels();
    if (p.classes == 0) p.classes = static_cast<int>(data.class_names.size());
  }
  if (p.classes == 0) p.classes = assumed_classes(p.recipe);
  return p;
}

void print_layers(const std::vector<LayerMemory>& layers) {
  Table table({"layer", "parameters", "activations", "gradients", "workspace"});
  const auto cell = [](std::size_t b) { return b == 0 ? "" : format("%.2f", b / 1048576.0); };
  LayerMemory sum{.layer = "sum"};
  for (const LayerMemory& l : layers) {
    table.add(
        {l.layer, cell(l.parameters), cell(l.activations), cell(l.gradients), cell(l.workspace)});
    sum.parameters += l.parameters;
    sum.activations += l.activations;
    sum.gradients += l.gradients;
    sum.workspace = std::max(sum.workspace, l.workspace);
  }
  table.add({sum.layer, cell(sum.parameters), cell(sum.activations), cell(sum.gradients),
             cell(sum.workspace)});
  std::fputs(table.text().c_str(), stdout);
}

void print_ops(const Plan& plan) {
  Table table({"layer", "op", "engine", "algorithm", "problem"}, 5);
  for (const PlanRow& r : plan.rows()) {
    std::string algorithm = r.choice.algorithm;
    if (!r.choice.variant.empty()) algorithm += " " + r.choice.variant;
    table.add({r.layer, r.kind + " " + std::string(name_of(r.pass)), r.choice.engine, algorithm,
               r.problem});
  }
  std::fputs(table.text().c_str(), stdout);
}

// What the process itself and the data take now, plus what a run will take.
struct Peak {
  std::size_t device = 0;   // planned there
  std::size_t process = 0;  // of the host's memory
};

Json json_of(const Planned& p, const Peak& peak, int largest, const Executor& e,
             Executor::PlanId id) {
  Json j = {{"recipe", p.recipe.name},
            {"batch", p.recipe.train.batch},
            {"classes", p.classes},
            {"device_bytes", peak.device},
            {"process_peak_bytes", peak.process},
            {"largest_batch", largest},
            {"layers", Json::array()},
            {"ops", Json::array()}};
  for (const LayerMemory& l : memory_by_layer(e, id)) {
    j["layers"].push_back({{"layer", l.layer},
                           {"parameters", l.parameters},
                           {"activations", l.activations},
                           {"gradients", l.gradients},
                           {"workspace", l.workspace}});
  }
  for (const PlanRow& r : e.plan(id).rows()) {
    j["ops"].push_back({{"layer", r.layer},
                        {"op", r.kind},
                        {"pass", name_of(r.pass)},
                        {"problem", r.problem},
                        {"engine", r.choice.engine},
                        {"algorithm", r.choice.algorithm},
                        {"variant", r.choice.variant},
                        {"why", r.choice.why}});
  }
  return j;
}

}  // namespace

int run_plan(const CommandContext& c, const PlanCommand& o) {
  DataSets data;
  const Planned p = planned_for(c, o, data);
  const Device device = Device::parse(c.common.device);
  const ExecutorOptions options{
      .device = device, .math = c.common.math_mode(), .policy = c.common.policy(device)};
  const auto preprocessing = Preprocessing::none(p.recipe.input);
  Executor e(p.recipe, p.classes, preprocessing, c.registry, options);
  const Executor::PlanId training = e.add_training(p.recipe.train.batch);
  e.add_evaluation(p.recipe.train.batch);

  Peak peak{.device = e.planned_bytes()};
  peak.process = peak_memory() + run_host_bytes(p.recipe, e.layout());
  if (device.kind() != DeviceKind::cuda) peak.process += peak.device;
  const bool own_budget = !o.memory.empty();
  std::size_t budget = own_budget ? parse_bytes(o.memory) : e.device().memory_bytes;
  // On the host the process itself lives in the same memory.
  const std::size_t beside = device.kind() == DeviceKind::cuda ? 0 : peak.process - peak.device;
  budget = budget > beside ? budget - beside : 0;
  const int largest =
      largest_batch(p.recipe, p.classes, preprocessing, c.registry, options, budget);

  if (write_json(c, json_of(p, peak, largest, e, training).dump(1))) return 0;
  c.print(format("%s, batch %d, %d classes, %s on %s; MiB by layer", p.recipe.name.c_str(),
                 p.recipe.train.batch, p.classes, c.common.math.c_str(),
                 to_string(device).c_str()));
  print_layers(memory_by_layer(e, training));
  c.print("");
  c.print("planned        " + bytes(peak.device) + " on " + to_string(device) +
          ": activations share memory where they are never needed at once");
  c.print("process peak   " + bytes(peak.process) +
          (o.data.empty() ? " without the data set (--data counts it)" : " with the data set"));
  c.print(format(
      "largest batch  %d in %s", largest,
      own_budget ? o.memory.c_str() : ("this device's " + bytes(e.device().memory_bytes)).c_str()));
  c.print("");
  print_ops(e.plan(training));
  return 0;
}

}  // namespace fovea::cli
