#include <fovea/core/thread_pool.h>
#include <fovea/data/loader.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/train/clock.h>
#include <fovea/train/fit.h>
#include <fovea/train/flat.h>
#include <fovea/train/trainer.h>

#include <algorithm>
#include <cstdio>

namespace fovea {
namespace {

Recipe apply(Recipe r, const TrainerOptions& o) {
  if (o.epochs) r.train.epochs = *o.epochs;
  if (o.batch) r.train.batch = *o.batch;
  if (o.learning_rate) r.train.learning_rate = *o.learning_rate;
  for (const std::string& pattern : o.freeze) {
    bool found = false;
    for (LayerRecipe& l : r.layers) {
      if (!matches(pattern, l.name)) continue;
      l.rate = 0.0F;
      found = true;
    }
    if (!found) throw InvalidArgument("freeze: no layer is called '" + pattern + "'");
  }
  return r;
}

void add(EpochSums& sums, const BatchMetrics& m) {
  sums.loss += static_cast<double>(m.loss) * m.valid;
  sums.top1 += m.top1_errors;
  sums.top5 += m.top5_errors;
  sums.images += static_cast<std::int64_t>(m.valid);
}

StepInput input_of(const Batch& b) { return {b.images, b.labels, b.targets}; }

}  // namespace

struct Trainer::Impl {
  Model& model;
  const Dataset& data;
  TrainerOptions options;
  Recipe recipe;
  Schedule schedule;
  std::unique_ptr<Executor> executor;
  Executor::PlanId training{}, evaluation{};
  std::int64_t batches = 0;  // an epoch's
  std::int64_t step = 0;     // next
  std::int64_t read = 0;     // metrics read back of steps before this one
  EpochSums sums;            // of the running epoch's steps read back
  std::vector<float> rates;  // of the steps not read back yet
  StepRecord last;
  std::optional<FlatWatch> flat;
  double guessing = 0;
  std::function<bool(const Progress&)> on_step;
  std::function<void(const StepRecord&)> on_record;
  std::function<void(const EpochRecord&)> on_epoch;
  Clock::time_point started;
  double training_seconds = 0;
  std::int64_t trained_images = 0;

  Impl(Model& m, const Dataset& d, const TrainerOptions& o);
  bool mse() const { return recipe.train.loss == "mse"; }
  LoaderOptions loader_options(const Dataset& set, bool shuffle) const;
  std::int64_t total_steps() const { return batches * recipe.train.epochs; }
  void make_step(const Batch& batch, float rate);
  std::string flat_text() const;
  Score score(const EpochSums& sums) const;
  void read_back();
  bool report(int epoch);
  bool run_epoch(Loader& loader, int epoch);
  void end_epoch(int epoch, const Score& training_score, double images_per_second);
  Score evaluate(const Dataset& set);
  void store() { model = model.with_weights(executor->weights()); }
};

Trainer::Impl::Impl(Model& m, const Dataset& d, const TrainerOptions& o)
    : model{m}, data{d}, options{o}, recipe{apply(m.recipe(), o)}, schedule{recipe.train} {
  require_fit(model, data);
  if (data.size() < 1) throw InvalidArgument("the training part holds no pictures");
  const Registry registry = o.registry != nullptr ? *o.registry : default_registry();
  executor = std::make_unique<Executor>(recipe, model.outputs(), model.preprocessing(), registry,
                                        ExecutorOptions{.device = o.device,
                                                        .math = o.math,
                                                        .policy = o.policy,
                                                        .lanes = o.lanes,
                                                        .memory = o.memory});
  training = executor->add_training(recipe.train.batch);
  evaluation = executor->add_evaluation(recipe.train.batch);
  executor->allocate();
  executor->set_weights(
      {model.weights().as<float>(), static_cast<std::size_t>(model.weights().elements())});
  batches = (data.size() + recipe.train.batch - 1) / recipe.train.batch;
  rates.reserve(Executor::kRing);
  if (o.stop_on_flat) {
    if (mse()) throw InvalidArgument("stopping on flat loss is for classes, not for loss mse");
    guessing = guessing_loss(data);
    flat.emplace(guessing, batches);
  }
}

LoaderOptions Trainer::Impl::loader_options(const Dataset& set, bool shuffle) const {
  const bool in_memory = set.image_size().has_value();
  const int loaders = options.loaders > 0 ? options.loaders : available_threads();
  return {
      .batch = recipe.train.batch,
      .image_size = ImageSize{recipe.stored_height(), recipe.stored_width(), recipe.input.channels},
      .shuffle = shuffle,
      .seed = options.seed,
      .threads = in_memory ? 1 : loaders,
      .held = 2};
}

void Trainer::Impl::make_step(const Batch& batch, float rate) {
  StepState state;
  state.seed = options.seed;
  state.step = static_cast<std::uint64_t>(step);
  state.learning_rate = rate;
  state.valid = batch.valid;
  executor->enqueue(training, input_of(batch), state);
  rates.push_back(rate);
  trained_images += batch.valid;
  ++step;
}

// Means over the images. The first error of mse is a sum over outputs, of classes a count.
Score Trainer::Impl::score(const EpochSums& s) const {
  const auto n = static_cast<double>(std::max<std::int64_t>(s.images, 1));
  return {s.loss / n, s.top1 / n / (mse() ? model.outputs() : 1), s.top5 / n, s.images};
}

// Reads the metrics of all steps made; stops the run where numbers were lost.
void Trainer::Impl::read_back() {
  const auto count = static_cast<int>(step - read);
  if (count == 0) return;
  const auto metrics = executor->read_metrics(static_cast<std::uint64_t>(read), count);
  for (int i = 0; i < count; ++i) {
    const StepMetrics& m = metrics[static_cast<std::size_t>(i)];
    add(sums, m.batch);
    EpochSums one;
    add(one, m.batch);
    last = {read + i, static_cast<int>((read + i) / batches), score(one),
            rates[static_cast<std::size_t>(i)]};
    if (on_record) on_record(last);
    if (m.nonfinite) {
      throw NumericsLost("step " + std::to_string(read + i) +
                         ": the loss or a gradient is NaN or infinite; the weights are those " +
                         "before that step. Try a smaller learning rate");
    }
    if (flat && flat->add(last.score.loss)) throw NumericsLost(flat_text());
  }
  read = step;
  rates.clear();
}

std::string Trainer::Impl::flat_text() const {
  char numbers[96];
  std::snprintf(numbers, sizeof(numbers), "%.4f, and guessing by the classes' shares gives %.4f",
                flat->last_mean(), guessing);
  return "step " + std::to_string(last.step) + ": the loss is flat at " + numbers +
         ": the net learns nothing. Try another learning rate or other initial weights";
}

bool Trainer::Impl::report(int epoch) {
  if (!on_step) return true;
  const double seconds = std::max(training_seconds, 1e-9);
  return on_step({.step = step,
                  .steps = total_steps(),
                  .epoch = epoch,
                  .epochs = recipe.train.epochs,
                  .fraction = static_cast<double>(step) / static_cast<double>(total_steps()),
                  .loss = last.score.loss,
                  .top1_error = last.score.top1_error,
                  .images_per_second = static_cast<double>(trained_images) / seconds,
                  .training_seconds = training_seconds,
                  .learning_rate = schedule.rate(epoch)});
}

// False: stopped before the epoch's end.
bool Trainer::Impl::run_epoch(Loader& loader, int epoch) {
  constexpr std::int64_t kReadEvery = 16;  // below the ring's length; losses come so late at most
  const auto begin = Clock::now();
  const double seconds_before = training_seconds;
  const float rate = schedule.rate(epoch);
  std::int64_t images = 0;
  while (step < (epoch + 1) * batches) {
    const Batch& batch = *loader.next();
    images += batch.valid;
    make_step(batch, rate);
    if (step - read >= kReadEvery || step % batches == 0) read_back();
    training_seconds = seconds_before + seconds_since(begin);
    const bool stop = !report(epoch) || (options.max_steps >= 0 && step >= options.max_steps);
    if (stop && step % batches != 0) {
      read_back();
      return false;
    }
    if (stop) {
      end_epoch(epoch, score(sums), 0);
      return false;
    }
  }
  const double seconds = std::max(training_seconds - seconds_before, 1e-9);
  end_epoch(epoch, score(sums), static_cast<double>(images) / seconds);
  return true;
}

void Trainer::Impl::end_epoch(int epoch, const Score& training_score, double images_per_second) {
  EpochRecord record{.epoch = epoch,
                     .epochs = recipe.train.epochs,
                     .step = step,
                     .training = training_score,
                     .validation = std::nullopt,
                     .test = std::nullopt,
                     .learning_rate = schedule.rate(epoch),
                     .images_per_second = images_per_second,
                     .seconds = 0};
  sums = {};
  if (options.validation != nullptr) {
    record.validation = evaluate(*options.validation);
    schedule.observe(static_cast<float>(record.validation->top1_error));
  }
  if (options.test != nullptr) record.test = evaluate(*options.test);
  record.seconds = seconds_since(started);
  if (on_epoch) on_epoch(record);
}

Score Trainer::Impl::evaluate(const Dataset& set) {
  require_fit(model, set);
  LoaderOptions o = loader_options(set, false);
  o.end_epoch = 1;
  Loader loader(set, o);
  EpochSums all;
  std::uint64_t made = 0, read_steps = 0;
  const auto drain = [&] {
    for (const StepMetrics& m :
         executor->read_metrics(read_steps, static_cast<int>(made - read_steps))) {
      add(all, m.batch);
    }
    read_steps = made;
  };
  while (const Batch* batch = loader.next()) {
    StepState state;
    state.step = made++;
    state.valid = batch->valid;
    executor->enqueue(evaluation, input_of(*batch), state);
    if (made - read_steps == Executor::kRing / 2) drain();
  }
  drain();
  return score(all);
}

Trainer::Trainer(Model& model, const Dataset& data, const TrainerOptions& options)
    : impl_{std::make_unique<Impl>(model, data, options)} {}
Trainer::~Trainer() = default;

void Trainer::on_step(std::function<bool(const Progress&)> f) { impl_->on_step = std::move(f); }
void Trainer::on_record(std::function<void(const StepRecord&)> f) {
  impl_->on_record = std::move(f);
}
void Trainer::on_epoch(std::function<void(const EpochRecord&)> f) {
  impl_->on_epoch = std::move(f);
}

void Trainer::run() {
  Impl& i = *impl_;
  i.started = Clock::now();
  LoaderOptions o = i.loader_options(i.data, true);
  o.first_epoch = i.step / i.batches;
  o.first_batch = i.step % i.batches;
  o.end_epoch = i.recipe.train.epochs;
  if (i.step >= i.total_steps()) return;
  Loader loader(i.data, o);
  try {
    for (auto epoch = static_cast<int>(o.first_epoch); epoch < i.recipe.train.epochs; ++epoch) {
      if (!i.run_epoch(loader, epoch)) break;
    }
  } catch (...) {
    i.store();
    throw;
  }
  i.store();
}

TrainingState Trainer::state() const {
  const Impl& i = *impl_;
  return {i.step,        i.sums, i.executor->weights(), i.executor->velocity(), i.schedule.state(),
          i.options.seed};
}

void Trainer::resume(const TrainingState& state) {
  Impl& i = *impl_;
  if (state.step < 0 || state.step > i.total_steps()) {
    throw InvalidArgument("resume: step " + std::to_string(state.step) + " is not in a run of " +
                          std::to_string(i.total_steps()));
  }
  i.executor->set_weights(state.weights);
  i.executor->set_velocity(state.velocity);
  i.schedule.restore(state.schedule);
  i.options.seed = state.seed;
  i.sums = state.epoch;
  i.step = i.read = state.step;
}

Score Trainer::evaluate(const Dataset& data) { return impl_->evaluate(data); }
const Executor& Trainer::executor() const { return *impl_->executor; }
Executor& Trainer::executor() { return *impl_->executor; }
const Recipe& Trainer::recipe() const { return impl_->recipe; }

}  // namespace fovea
