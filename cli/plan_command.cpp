// plan_command.cpp - `fovea plan`: what training would take and who would compute, before it does.
#include <fovea/cli/context.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/plan_text.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/layers/engine_lists.h>
#include <fovea/train/memory.h>
#include <fovea/train/speed.h>

#include <nlohmann/json.hpp>

namespace fovea::cli {
namespace {

using Json = nlohmann::ordered_json;

// The recipe and number of classes that training would use.
struct Planned {
  Recipe recipe;
  int classes = 0;
};

Planned planned_for(const CommandContext& c, const PlanCommand& o, DataSets& data) {
  Planned p{o.recipe.resolve(), o.classes};
  const Device device = Device::parse(c.common.device);
  require_known(c.common.lists(device), c.registry, device, p.recipe);
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

// What the process itself and the data take now, plus what a run will take.
struct Peak {
  std::size_t device = 0;   // planned there
  std::size_t process = 0;  // of the host's memory
};

// Seconds of one epoch and of the whole run.
struct Duration {
  TrainingSpeed speed;
  std::int64_t pictures = 0, judged = 0;  // an epoch's
  bool measured = false;                  // on the data itself
  std::string why_not;                    // not timed
  double epoch() const {
    return static_cast<double>(pictures) / speed.images_per_second +
           static_cast<double>(judged) / speed.judged_images_per_second;
  }
};

// Pictures of the data set that a recipe was made for: ILSVRC 2012, CIFAR-10, (Fashion-)MNIST.
std::int64_t assumed_pictures(const Recipe& r) {
  if (r.input.height >= 200) return 1'281'167;
  return r.input.channels == 3 ? 50'000 : 60'000;
}

// Trains for a moment: on the data where there are any, else on made-up pictures, with a batch
// small enough that a step takes no more than about a second on one CPU core.
Duration time_training(const CommandContext& c, const Planned& p, const DataSets& data,
                       const Plan& plan, bool fits) {
  constexpr double kSeconds = 2, kFlopsOfOneStep = 2e10;
  const Device device = Device::parse(c.common.device);
  Duration d;
  if (device.kind() == DeviceKind::emulated) d.why_not = "the emulator is for checking";
  if (p.recipe.train.loss == "mse") d.why_not = "the data have classes, the recipe wants targets";
  if (!fits) d.why_not = "the batch does not fit";
  if (!d.why_not.empty()) return d;
  c.progress("trying some steps ...");
  const TrainerOptions o{.seed = c.common.seed,
                         .device = device,
                         .math = c.common.math_mode(),
                         .policy = c.common.policy(device),
                         .loaders = c.common.loaders,
                         .registry = &c.registry};
  if (data.training) {
    d.measured = true;
    d.pictures = data.training->size();
    for (const auto& part : {data.validation, data.test}) d.judged += part ? part->size() : 0;
    d.speed = measure_training_speed(p.recipe, p.classes, *data.training, o, kSeconds);
    return d;
  }
  double flops = 1;
  for (const PlanRow& r : plan.rows()) flops += static_cast<double>(r.flops);
  Recipe small = p.recipe;
  const int batch = small.train.batch;
  small.train.batch = std::clamp(static_cast<int>(batch * kFlopsOfOneStep / flops), 1, batch);
  const auto pictures = made_up_pictures(small, p.classes, 4 * small.train.batch);
  d.pictures = assumed_pictures(p.recipe);
  d.speed = measure_training_speed(small, p.classes, *pictures, o, kSeconds);
  return d;
}

void print_time(const CommandContext& c, const Planned& p, const Duration& d) {
  if (!d.why_not.empty()) {
    c.print("time           not tried: " + d.why_not);
    return;
  }
  c.print(format(
      "time           %s %s images/s in %lld steps%s", d.measured ? "measured" : "predicted",
      thousands(static_cast<std::int64_t>(d.speed.images_per_second)).c_str(),
      static_cast<long long>(d.speed.steps), d.measured ? " on the data" : " on made-up pictures"));
  c.print(format("               an epoch of %s pictures%s %s, all %d epochs %s",
                 thousands(d.pictures).c_str(),
                 d.judged > 0 ? (", judged on " + thousands(d.judged) + ",").c_str() : "",
                 duration(d.epoch()).c_str(), p.recipe.train.epochs,
                 duration(d.epoch() * p.recipe.train.epochs).c_str()));
}

Json json_of(const Planned& p, const Peak& peak, int largest, const Duration& d, const Executor& e,
             Executor::PlanId id) {
  Json j = {{"recipe", p.recipe.name},
            {"batch", p.recipe.train.batch},
            {"classes", p.classes},
            {"device_bytes", peak.device},
            {"process_peak_bytes", peak.process},
            {"largest_batch", largest},
            {"seconds_per_epoch", nullptr},
            {"seconds_of_run", nullptr},
            {"images_per_second", nullptr},
            {"time_measured_on_data", d.measured},
            {"layers", Json::array()},
            {"ops", Json::array()}};
  if (d.why_not.empty()) {
    j["seconds_per_epoch"] = d.epoch();
    j["seconds_of_run"] = d.epoch() * p.recipe.train.epochs;
    j["images_per_second"] = d.speed.images_per_second;
  }
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
                        {"checker", r.choice.checker},
                        {"workspace_bytes", r.workspace_bytes},
                        {"deterministic", r.deterministic},
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
  std::size_t budget = own_budget ? parse_bytes("--memory", o.memory) : e.device().memory_bytes;
  // On the host the process itself lives in the same memory.
  const std::size_t beside = device.kind() == DeviceKind::cuda ? 0 : peak.process - peak.device;
  budget = budget > beside ? budget - beside : 0;
  const int largest =
      largest_batch(p.recipe, p.classes, preprocessing, c.registry, options, budget);

  const bool fits = largest >= p.recipe.train.batch && peak.device <= e.device().memory_bytes;
  const Duration time = time_training(c, p, data, e.plan(training), fits);
  if (write_json(c, json_of(p, peak, largest, time, e, training).dump(1))) return 0;
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
  print_time(c, p, time);
  if (c.common.nondeterministic) c.print(what_nondeterministic_lets_in(e.plan(training)));
  c.print("");
  std::fputs(ops_table(e.plan(training)).c_str(), stdout);
  return 0;
}

}  // namespace fovea::cli
