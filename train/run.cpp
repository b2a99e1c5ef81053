#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>
#include <fovea/data/subset.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/layers/engine_lists.h>
#include <fovea/train/checkpoint.h>
#include <fovea/train/clock.h>
#include <fovea/train/metrics_log.h>
#include <fovea/train/report/report.h>
#include <fovea/train/run.h>
#include <fovea/train/run_options.h>
#include <fovea/train/statistics.h>
#include <fovea/train/tensorboard.h>
#include <fovea/train/tuning_file.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace fovea {
namespace {

namespace fs = std::filesystem;

constexpr int kCheckpointsKept = 3;
constexpr const char* kGoOn = ", so the bits would differ; add --allow-different-bits to go on";

// runs/NAME-K, K the first free number.
fs::path free_folder(const std::string& name) {
  for (int k = 1;; ++k) {
    fs::path folder = fs::path("runs") / (name + "-" + std::to_string(k));
    if (!fs::exists(folder)) return folder;
  }
}

// Grey or colour as the data is; says so where the recipe meant something else.
void fit_recipe(Recipe& r, const DataSets& d, std::vector<std::string>& notes) {
  const int channels = d.training->channels();
  if (r.input.channels != channels) {
    notes.push_back("the pictures are " + std::string(channels == 1 ? "grey" : "colour") +
                    "; the recipe's input.channels becomes " + std::to_string(channels));
    r.input.channels = channels;
  }
  const auto size = d.training->image_size();
  if (r.input.resize == 0 && size && r.input.pad == 0 &&
      (size->height < r.input.height || size->width < r.input.width)) {
    notes.push_back("pictures of " + std::to_string(size->height) + "x" +
                    std::to_string(size->width) + " are enlarged to the net's " +
                    std::to_string(r.input.height) + "x" + std::to_string(r.input.width));
  }
}

Model fresh_model(const Recipe& recipe, const DataSets& d, const RunOptions& o,
                  std::vector<std::string>& notes) {
  if (o.weights.empty()) {
    return Model(recipe, d.class_names, measure_preprocessing(recipe, *d.training, o.on_measure),
                 o.trainer.seed);
  }
  const Model from = Model::load(o.weights);
  Model fresh(recipe, d.class_names, measure_preprocessing(recipe, *d.training, o.on_measure),
              o.trainer.seed);
  const std::size_t taken = fresh.take_parameters(from);
  if (taken == 0) {
    throw InvalidArgument("no parameter of " + o.weights + " has name and shape of one of " +
                          recipe.name + "'s: choose the preset or recipe that the weights are of");
  }
  notes.push_back("weights of " + o.weights + ": " + std::to_string(taken) + " of " +
                  std::to_string(fresh.parameters().size()) + " parameters fit by name and shape");
  return fresh;
}

// Onto another device; a list that was that device's default becomes the new one's.
void move_to(const Device& device, TrainerOptions& o) {
  const bool by_default = o.policy.engines == Policy::defaults(o.device, o.math).engines;
  if (by_default) o.policy.engines = Policy::defaults(device, o.math).engines;
  o.device = device;
}

}  // namespace

struct Run::Impl {
  RunOptions options;
  std::map<std::string, std::string> kept;  // options as a checkpoint keeps them
  DataSets data;
  std::vector<std::string> notes;
  std::unique_ptr<Model> model;
  std::shared_ptr<TimingTuner> tuner;  // where a list says `fastest`
  std::unique_ptr<Trainer> trainer;
  std::unique_ptr<MetricsLog> log;
  std::unique_ptr<TensorBoardLog> board;  // the same lines
  fs::path folder;
  std::int64_t saved_step = -1;
  double best_validation = 2.0;
  double seconds_before = 0;  // of earlier starts
  double seconds_now = 0;     // of training in this one
  Clock::time_point started;
  std::optional<Score> test;
  std::function<void(const EpochRecord&)> on_epoch;
  std::function<bool(const Progress&)> on_step;

  explicit Impl(const RunOptions& o) : options{o} {}
  void open();
  Registry registry() const;
  void require_known_engines() const;
  void require_engines() const;
  void make_tuner(const std::string& file);
  void make_trainer();
  void make_trainer_as(const Checkpoint& c, bool allow_different_bits);
  void write_choices() const;
  void start_fresh();
  void start_again(const Checkpoint& c, bool allow_different_bits);
  void require_same_bits(const Checkpoint& c) const;
  Checkpoint checkpoint() const;
  void save();
  void open_records(std::int64_t step);
  void flush_records();
  void write(const Score& score, std::int64_t step, int epoch, float rate, double speed,
             const char* split);
  void record_epoch(const EpochRecord& e);
  bool run();
};

void Run::Impl::open() {
  data = open_data(options.data, options.open);
  if (options.overfit > 0) {
    data.training = limited(data.training, options.overfit, options.trainer.seed);
    data.test = data.training;
    data.validation = nullptr;
  }
  fit_recipe(options.recipe, data, notes);
  options.recipe.validate(static_cast<int>(data.class_names.size()));
}

Registry Run::Impl::registry() const {
  const Registry* given = options.trainer.registry;
  return given != nullptr ? *given : default_registry();
}

// Before the data is opened: whoever mistypes an engine need not wait for it.
void Run::Impl::require_known_engines() const {
  const TrainerOptions& o = options.trainer;
  require_known(o.policy, registry(), o.device, options.recipe);
}

// Before pictures are read to be measured: plans once, times nothing. The default lists in fp32 can
// always be planned.
void Run::Impl::require_engines() const {
  const TrainerOptions& o = options.trainer;
  const bool by_default = o.policy.engines == Policy::defaults(o.device, o.math).engines;
  if (by_default && o.policy.layers.empty() && o.math == Math::fp32) return;
  const InputRecipe& in = options.recipe.input;
  if (!is_measured(in)) return;
  ExecutorOptions untimed{.device = o.device, .math = o.math, .policy = o.policy};
  untimed.policy.tuner = std::make_shared<FirstGuess>();
  Executor(options.recipe, static_cast<int>(data.class_names.size()), Preprocessing::none(in),
           registry(), untimed)
      .add_training(options.recipe.train.batch);
}

void Run::Impl::make_tuner(const std::string& file) {
  Policy& p = options.trainer.policy;
  p.require_meaningful(options.trainer.device);
  if (!p.names(kFastest) || p.tuner) return;
  p.tuner = tuner = file_tuner(file);
}

void Run::Impl::make_trainer() {
  options.trainer.validation = data.validation.get();
  options.trainer.test = data.test.get();
  trainer = std::make_unique<Trainer>(*model, *data.training, options.trainer);
  kept = options_to_text(options);
  kept["choices"] = trainer->executor().choices().text();
}

void Run::Impl::write_choices() const {
  write_file_atomically((folder / "choices.tsv").string(), choices_table(trainer->executor()));
  if (tuner && tuner->used().size() > 0) {
    write_file_atomically((folder / "tuning.txt").string(), tuner->used().text());
  }
}

void Run::Impl::start_fresh() {
  if (!options.out.empty() && fs::exists(options.out)) {
    throw InvalidArgument(options.out.string() +
                          " exists: resume it (--resume) or choose another folder");
  }
  require_known_engines();
  make_tuner(options.tuning);
  open();
  require_engines();
  model = std::make_unique<Model>(fresh_model(options.recipe, data, options, notes));
  make_trainer();
  folder = options.out.empty() ? free_folder(options.recipe.name) : options.out;
  fs::create_directories(folder / "checkpoints");
  const Recipe& resolved = trainer->recipe();
  write_file_atomically((folder / "config.toml").string(),
                        resolved.toml(options.preset ? &*options.preset : nullptr));
  write_choices();
  std::string names;
  for (const std::string& n : data.class_names) names += n + "\n";
  write_file_atomically((folder / "classes.txt").string(), names);
  if (!data.skipped.empty()) {
    write_file_atomically((folder / "skipped.tsv").string(), skipped_tsv(data));
  }
  open_records(0);
}

void Run::Impl::start_again(const Checkpoint& c, bool allow_different_bits) {
  data = open_data(options.data, options.open);
  if (options.overfit > 0) {
    data.training = limited(data.training, options.overfit, options.trainer.seed);
    data.test = data.training;
    data.validation = nullptr;
  }
  if (data.class_names != c.model.class_names()) {
    throw InvalidArgument(options.data.string() +
                          " has other classes than when the run was started");
  }
  model = std::make_unique<Model>(c.model.with_training(options.recipe.train));
  make_trainer_as(c, allow_different_bits);
  trainer->resume(c.state);
  saved_step = c.state.step;
  open_records(c.state.step);
}

// Records up to `step` are kept: they tell how long and how well the run has trained so far.
void Run::Impl::open_records(std::int64_t step) {
  const bool top5 = model->outputs() > 5;
  log = std::make_unique<MetricsLog>(folder / "metrics.jsonl", step, top5);
  for (const MetricsLine& line : log->lines()) {
    seconds_before = std::max(seconds_before, line.run_seconds);
    if (line.split == "validation")
      best_validation = std::min(best_validation, line.score.top1_error);
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  board = std::make_unique<TensorBoardLog>(
      folder / "tensorboard", log->lines(),
      std::chrono::duration<double>(now).count() - seconds_before, top5);
}

void Run::Impl::flush_records() {
  log->flush();
  board->flush();
}

// What computed the run computes it again, whatever the lists would say now.
void Run::Impl::make_trainer_as(const Checkpoint& c, bool allow_different_bits) {
  Policy& p = options.trainer.policy;
  if (const auto choices = c.options.find("choices"); choices != c.options.end()) {
    p.recorded = std::make_shared<ChoiceRecords>(ChoiceRecords::parse(choices->second));
    p.must_repeat = !allow_different_bits;
  }
  if (allow_different_bits) make_tuner((folder / "tuning.txt").string());
  try {
    make_trainer();
  } catch (const NotRepeatable& e) {
    throw InvalidArgument(e.what() + std::string(kGoOn));
  }
  if (!allow_different_bits) return require_same_bits(c);
  if (const auto old = c.options.find("choices");
      old == c.options.end() || old->second != kept.at("choices")) {
    write_choices();
  }
}

// Refuses where this process would not compute the bits that the run would have.
void Run::Impl::require_same_bits(const Checkpoint& c) const {
  if (options.trainer.device.kind() != DeviceKind::cpu) return;
  const auto differs = [&](const char* key) {
    const auto old = c.options.find(key);
    return old != c.options.end() && old->second != kept.at(key);
  };
  if (differs("instructions")) {
    throw InvalidArgument("the run was started on a CPU with " + c.options.at("instructions") +
                          ", this one has " + kept.at("instructions") + kGoOn);
  }
  if (differs("threads")) {
    throw InvalidArgument("the run was started with --threads " + c.options.at("threads") +
                          ", here they are " + kept.at("threads") + kGoOn);
  }
}

Checkpoint Run::Impl::checkpoint() const { return {*model, trainer->state(), kept}; }

void Run::Impl::save() {
  const Checkpoint c = checkpoint();
  flush_records();
  if (c.state.step != saved_step) {
    save_checkpoint(folder / "checkpoints" / checkpoint_name(c.state.step), c);
    saved_step = c.state.step;
  }
  prune_checkpoints(folder / "checkpoints", kCheckpointsKept);
  model->with_weights(c.state.weights).save((folder / "model.safetensors").string());
  write_report(folder / "report.html", trainer->recipe(), *model, log->lines());
}

void Run::Impl::write(const Score& score, std::int64_t step, int epoch, float rate, double speed,
                      const char* split) {
  const double seconds = seconds_since(started);
  const MetricsLine line{step, epoch + 1, score, rate, speed, seconds, seconds_before + seconds,
                         split};
  log->write(line);
  board->write(line);
}

void Run::Impl::record_epoch(const EpochRecord& e) {
  if (e.validation) {
    write(*e.validation, e.step, e.epoch, e.learning_rate, e.images_per_second, "validation");
  }
  if (e.test) write(*e.test, e.step, e.epoch, e.learning_rate, e.images_per_second, "test");
  test = e.test;
  save();
  if (e.validation && e.validation->top1_error < best_validation) {
    best_validation = e.validation->top1_error;
    save_checkpoint(folder / "checkpoints" / "best.safetensors", checkpoint());
  }
  if (on_epoch) on_epoch(e);
}

bool Run::Impl::run() {
  started = Clock::now();
  bool to_the_end = true;
  std::int64_t done = 0, steps = -1;
  double speed = 0;
  trainer->on_record([&](const StepRecord& r) {
    write(r.score, r.step + 1, r.epoch, r.learning_rate, speed, "train");
  });
  trainer->on_epoch([&](const EpochRecord& e) { record_epoch(e); });
  trainer->on_step([&](const Progress& p) {
    speed = p.images_per_second;
    seconds_now = p.training_seconds;
    done = p.step;
    steps = p.steps;
    return !on_step || on_step(p);
  });
  try {
    trainer->run();
  } catch (const NumericsLost&) {  // no checkpoint: what led there is in the records
    flush_records();
    write_report(folder / "report.html", trainer->recipe(), *model, log->lines());
    throw;
  }
  to_the_end = steps < 0 || done == steps;
  save();
  return to_the_end;
}

Run::Run(const RunOptions& options) : impl_{std::make_unique<Impl>(options)} {
  impl_->start_fresh();
}
Run::Run(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Run::Run(Run&&) noexcept = default;
Run::~Run() = default;

Run Run::resume(const fs::path& folder, const ResumeOptions& options) {
  if (!fs::is_directory(folder)) {
    throw InvalidArgument(folder.string() + " is no run folder: check the path");
  }
  const Checkpoint c = newest_checkpoint(folder / "checkpoints");
  RunOptions o = options_from_text(c.options, c.model.recipe());
  if (options.epochs) o.recipe.train.epochs = *options.epochs;
  if (options.loaders > 0) o.trainer.loaders = options.loaders;
  if (options.device) move_to(*options.device, o.trainer);
  o.trainer.seed = c.state.seed;
  o.trainer.registry = options.registry;
  auto impl = std::make_unique<Impl>(o);
  impl->folder = folder;
  impl->start_again(c, options.allow_different_bits);
  return Run(std::move(impl));
}

const DataSets& Run::data() const { return impl_->data; }
const Model& Run::model() const { return *impl_->model; }
Trainer& Run::trainer() { return *impl_->trainer; }
const Trainer& Run::trainer() const { return *impl_->trainer; }
const fs::path& Run::folder() const { return impl_->folder; }
const RunOptions& Run::options() const { return impl_->options; }
const std::vector<std::string>& Run::notes() const { return impl_->notes; }
void Run::on_epoch(std::function<void(const EpochRecord&)> f) { impl_->on_epoch = std::move(f); }
void Run::on_step(std::function<bool(const Progress&)> f) { impl_->on_step = std::move(f); }
bool Run::run() { return impl_->run(); }
std::string Run::tuning_summary() const { return impl_->tuner ? impl_->tuner->summary() : ""; }
std::optional<Score> Run::test_score() const { return impl_->test; }
double Run::training_seconds() const { return impl_->seconds_before + impl_->seconds_now; }

OpenOptions opened_by_run(const fs::path& folder) {
  const fs::path checkpoints = folder / "checkpoints";
  if (!fs::is_directory(checkpoints) || fs::is_empty(checkpoints)) return {};
  const Checkpoint c = newest_checkpoint(folder / "checkpoints");
  return options_from_text(c.options, c.model.recipe()).open;
}

int threads_of_run(const fs::path& folder) {
  const fs::path checkpoints = folder / "checkpoints";
  if (!fs::is_directory(checkpoints) || fs::is_empty(checkpoints)) return 0;
  const Checkpoint c = newest_checkpoint(checkpoints);
  const auto threads = c.options.find("threads");
  return threads == c.options.end() ? 0 : std::atoi(threads->second.c_str());
}

}  // namespace fovea
