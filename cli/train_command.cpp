// train_command.cpp - `fovea train`: prints what a run is, shows it going, says what to do next.
#include <fovea/cli/context.h>
#include <fovea/cli/signals.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>
#include <fovea/train/run.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

namespace fovea::cli {
namespace {

using Clock = std::chrono::steady_clock;

RunOptions run_options(const CommandContext& c, const TrainCommand& o) {
  if (o.data.empty()) throw InvalidArgument("say where the pictures are: --data FOLDER");
  RunOptions r{.recipe = o.recipe.resolve(), .data = o.data};
  if (!o.recipe.preset.empty()) r.preset = o.recipe.base();
  r.open = {.validation = o.validation,
            .limit = o.limit,
            .seed = c.common.seed,
            .labels = o.labels,
            .shorter_side = r.recipe.input.resize};
  r.out = o.out;
  r.weights = o.weights;
  r.overfit = o.overfit;
  const Device device = Device::parse(c.common.device);
  r.trainer.device = device;
  r.trainer.seed = c.common.seed;
  r.trainer.math = c.common.math_mode();
  r.trainer.policy = c.common.policy(device);
  r.trainer.loaders = c.common.loaders;
  r.trainer.max_steps = o.max_steps;
  r.trainer.registry = &c.registry;
  return r;
}

Run open_run(const CommandContext& c, const TrainCommand& o) {
  if (o.resume.empty()) return Run(run_options(c, o));
  ResumeOptions r{.epochs = o.recipe.epochs,
                  .device = std::nullopt,
                  .loaders = c.common.loaders,
                  .allow_different_bits = o.allow_different_bits,
                  .registry = &c.registry};
  if (c.common.device != "auto") r.device = Device::parse(c.common.device);
  return Run::resume(o.resume, r);
}

// "simd, onednn; reference for: record": the engines of the plan, and the ops of the last of them.
std::string engines_line(const Plan& plan) {
  std::map<std::string, std::set<std::string>> ops;
  std::vector<std::string> order;
  for (const PlanRow& row : plan.rows()) {
    if (!ops.contains(row.choice.engine)) order.push_back(row.choice.engine);
    ops[row.choice.engine].insert(row.kind);
  }
  std::string line;
  for (const std::string& engine : order) {
    line += (line.empty() ? "" : "; ") + engine + " for: ";
    bool first = true;
    for (const std::string& op : ops[engine]) {
      line += (first ? "" : ", ") + op;
      first = false;
    }
  }
  return line;
}

std::string net_line(const Run& run) {
  int convolutions = 0, linear = 0;
  for (const LayerRecipe& l : run.trainer().recipe().layers) {
    convolutions += l.type == "conv";
    linear += l.type == "linear";
  }
  return format("%s: %d convolutions, %d linear, %s parameters; plan %s",
                run.trainer().recipe().name.c_str(), convolutions, linear,
                thousands(run.model().parameter_count()).c_str(),
                bytes(run.trainer().executor().planned_bytes()).c_str());
}

void print_head(const CommandContext& c, const Run& run) {
  const DeviceInfo& d = run.trainer().executor().device();
  std::string device = to_string(d.device) + ": ";
  if (d.device.kind() != DeviceKind::cuda)
    device += format("%d threads, ", ThreadPool::shared().threads());
  device += d.name;
  if (c.common.device == "auto") device += " (" + Device::reason() + ")";
  c.print("device   " + device);
  c.print("engine   " + engines_line(run.trainer().executor().plan(Executor::PlanId{})));
  c.print("data     " + run.data().path.string() + ": " + summary(run.data()));
  c.print("net      " + net_line(run));
  for (const std::string& note : run.notes()) c.print("note     " + note);
  c.print(format("run      %s (seed %llu, %s, batch %d, %s)", run.folder().c_str(),
                 static_cast<unsigned long long>(c.common.seed), c.common.math.c_str(),
                 run.trainer().recipe().train.batch,
                 c.common.nondeterministic ? "nondeterministic" : "deterministic"));
  std::fflush(stdout);
}

// The table of epochs, and on a terminal a live line below it.
class EpochTable {
 public:
  EpochTable(const CommandContext& c, const Run& run)
      : context_{c},
        mse_{run.trainer().recipe().train.loss == "mse"},
        judged_{run.data().validation ? "val" : "test"},
        has_both_{run.data().validation != nullptr},
        live_{!c.common.quiet && isatty(2) == 1} {
    context_.print(format("%-8s %9s %7s %12s %12s %6s", "epoch", "images/s", "loss",
                          mse_ ? "train error" : "train error",
                          has_both_ ? "val error" : "test error*", "left"));
    std::fflush(stdout);
  }

  void step(const Progress& p) {
    const auto now = Clock::now();
    if (!live_) {
      if (context_.common.quiet || now - shown_ < std::chrono::seconds(60)) return;
    } else if (now - shown_ < std::chrono::milliseconds(200)) {
      return;
    }
    if (shown_ != Clock::time_point{} || live_) {
      std::fprintf(stderr, live_ ? "\r%s\x1b[K" : "%s\n",
                   format("step %s of %s  %.0f images/s  loss %.4f", thousands(p.step).c_str(),
                          thousands(p.steps).c_str(), p.images_per_second, p.loss)
                       .c_str());
      std::fflush(stderr);
    }
    shown_ = now;
  }

  void epoch(const EpochRecord& e) {
    if (live_) std::fputs("\r\x1b[K", stderr);
    const double left = e.seconds / (e.epoch + 1 - first_) * (e.epochs - e.epoch - 1);
    const std::optional<Score>& judged = e.validation ? e.validation : e.test;
    context_.print(format("%3d/%-4d %9s %7.4f %12s %12s %6s", e.epoch + 1, e.epochs,
                          thousands(static_cast<std::int64_t>(e.images_per_second)).c_str(),
                          e.training.loss, error(e.training.top1_error).c_str(),
                          judged ? error(judged->top1_error).c_str() : "-",
                          duration(left).c_str()));
    std::fflush(stdout);
  }

  void starts_at(int epoch) { first_ = epoch; }
  std::string error(double e) const {
    return mse_ ? format("%.3f", e) : format("%.1f %%", 100 * e);
  }

 private:
  const CommandContext& context_;
  bool mse_;
  std::string judged_;
  bool has_both_, live_;
  int first_ = 0;
  Clock::time_point shown_{};
};

void print_end(const CommandContext& c, const Run& run, const std::string& data,
               const EpochTable& table) {
  const std::string folder = shell_word(run.folder().string());
  const std::string self = shell_word(c.program);
  const std::optional<Score> test = run.test_score();
  const bool mse = run.trainer().recipe().train.loss == "mse";
  std::string line;
  if (test) {
    line = "test error " + table.error(test->top1_error);
    if (!mse) line += format(" (accuracy %.2f %%)", 100 * (1 - test->top1_error));
    line += ", " + thousands(test->images) + " images, last weights; ";
  }
  line += "trained " + duration(run.training_seconds()) + ", peak memory " + bytes(peak_memory());
  if (test) line += "      * shown only; nothing is chosen by it";
  c.print(line);
  c.print("model    " + (run.folder() / "model.safetensors").string() + "; report " +
          (run.folder() / "report.html").string());
  const std::string where = " --data " + shell_word(data);
  c.print("next     " + self + " evaluate --run " + folder + where);
  c.print("         " + self + " classify --run " + folder + where + " --index 17");
  c.print(
      "         " + self +
      " train --preset alexnet-2012 --data YOUR_FOLDER        (docs/train-your-photographs.md)");
}

}  // namespace

int run_train(const CommandContext& c, const TrainCommand& o) {
  Run run = open_run(c, o);
  print_head(c, run);
  const StopSignals signals;
  EpochTable table(c, run);
  run.on_step([&](const Progress& p) {
    table.step(p);
    return StopSignals::received() == 0;
  });
  run.on_epoch([&](const EpochRecord& e) { table.epoch(e); });
  const bool to_the_end = run.run();
  if (to_the_end || StopSignals::received() == 0) {
    print_end(c, run, run.data().path.string(), table);
    return 0;
  }
  c.print("stopped; the state is saved. Go on with:");
  c.print(shell_word(c.program) + " train --resume " + shell_word(run.folder().string()));
  return 128 + StopSignals::received();
}

}  // namespace fovea::cli
