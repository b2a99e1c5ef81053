// train_command.cpp - `fovea train`: opens or resumes a run, shows it going, ends with its status.
#include <fovea/cli/context.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/signals.h>
#include <fovea/cli/text.h>
#include <fovea/cli/train_text.h>
#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>

#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

namespace fovea::cli {
namespace {

using Json = nlohmann::ordered_json;

// Tells how far the measuring of the pictures is: on a terminal at once, else each minute.
class MeasureProgress {
 public:
  explicit MeasureProgress(bool quiet) : quiet_{quiet} {}

  void operator()(std::int64_t done, std::int64_t total) {
    const auto now = std::chrono::steady_clock::now();
    const auto pause = live_ ? std::chrono::milliseconds(200) : std::chrono::milliseconds(60'000);
    if (quiet_ || now - shown_ < pause) return;
    std::fprintf(stderr,
                 live_ ? "\r%s of %s pictures measured\x1b[K" : "%s of %s pictures measured\n",
                 thousands(done).c_str(), thousands(total).c_str());
    std::fflush(stderr);
    shown_ = now;
    any_ = true;
  }
  void done() const {
    if (live_ && any_) std::fputs("\r\x1b[K", stderr);
  }

 private:
  bool quiet_, live_ = isatty(2) == 1, any_ = false;
  std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
};

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
  r.trainer.policy = c.common.lists(device);
  r.tuning = c.common.tuning;
  r.trainer.loaders = c.common.loaders;
  r.trainer.max_steps = o.max_steps;
  r.trainer.stop_on_flat = o.stop_on_flat;
  r.trainer.registry = &c.registry;
  return r;
}

Run open_run(const CommandContext& c, const TrainCommand& o) {
  if (o.resume.empty()) {
    RunOptions r = run_options(c, o);
    MeasureProgress progress(c.common.quiet);
    r.on_measure = std::ref(progress);
    Run run(r);
    progress.done();
    return run;
  }
  // As many threads as the run had: on cpu its bits may depend on them.
  if (c.common.threads == 0) {
    if (const int threads = threads_of_run(o.resume); threads > 0) {
      ThreadPool::set_shared_threads(threads);
    }
  }
  ResumeOptions r{.epochs = o.recipe.epochs,
                  .device = std::nullopt,
                  .loaders = c.common.loaders,
                  .allow_different_bits = o.allow_different_bits,
                  .registry = &c.registry};
  if (c.common.device != "auto") r.device = Device::parse(c.common.device);
  return Run::resume(o.resume, r);
}

Json json_of(const Score& s, bool top5) {
  Json j = {{"images", s.images},
            {"loss", s.loss},
            {"top1_error", s.top1_error},
            {"top5_error", nullptr}};
  if (top5) j["top5_error"] = s.top5_error;
  return j;
}

Json json_of(const EpochRecord& e, bool top5) {
  Json j = {{"epoch", e.epoch + 1},
            {"step", e.step},
            {"images_per_second", e.images_per_second},
            {"learning_rate", e.learning_rate},
            {"train", json_of(e.training, top5)}};
  if (e.validation) j["validation"] = json_of(*e.validation, top5);
  if (e.test) j["test"] = json_of(*e.test, top5);
  return j;
}

void write_results(const CommandContext& c, const Run& run, const EpochTable& table) {
  const bool top5 = run.trainer().recipe().train.loss != "mse";
  Json epochs = Json::array();
  for (const EpochRecord& e : table.records()) epochs.push_back(json_of(e, top5));
  const Json j = {{"run", run.folder().string()},
                  {"seed", run.options().trainer.seed},
                  {"epochs", epochs},
                  {"trained_seconds", run.training_seconds()},
                  {"peak_memory_bytes", peak_memory()},
                  {"model", (run.folder() / "model.safetensors").string()},
                  {"report", (run.folder() / "report.html").string()}};
  static_cast<void>(write_json(c, j.dump(1)));
}

}  // namespace

int run_train(const CommandContext& c, const TrainCommand& o) {
  Run run = open_run(c, o);
  TrainOutput out(c, run);
  print_head(c, run, out);
  const StopSignals signals;
  EpochTable table(c, run, out);
  run.on_step([&](const Progress& p) {
    table.step(p);
    return StopSignals::received() == 0;
  });
  run.on_epoch([&](const EpochRecord& e) { table.epoch(e); });
  const bool to_the_end = run.run();
  write_results(c, run, table);
  if (to_the_end || StopSignals::received() == 0) {
    print_end(c, run, table, out);
    return 0;
  }
  out.print("stopped; the state is saved. Go on with:");
  out.print(shell_word(c.program) + " train --resume " + shell_word(run.folder().string()));
  return 128 + StopSignals::received();
}

}  // namespace fovea::cli
