// trainer.h - trains a model on a data set: epochs of shuffled batches, SGD, a schedule.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/error.h>
#include <fovea/data/dataset.h>
#include <fovea/train/executor.h>
#include <fovea/train/model.h>
#include <fovea/train/schedule.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fovea {

/// A loss or a gradient that is NaN or infinite. The update of that step did not happen; the model
/// is as after the last good one.
class FOVEA_API NumericsLost : public Error {
 public:
  using Error::Error;
};

/// What differs from the model's recipe, and where to train.
struct TrainerOptions {
  std::optional<int> epochs = std::nullopt, batch = std::nullopt;
  std::optional<float> learning_rate = std::nullopt;
  std::vector<std::string> freeze = {};  // patterns of layer names: "conv*"
  std::uint64_t seed = 1;
  Device device = Device::best();
  Math math = Math::fp32;
  Policy policy = {};  // empty: Policy::defaults(device, math)
  int loaders = 0;     // threads that make batches ahead; 0: available_threads()
  int lanes = 1;
  std::int64_t max_steps = -1;          // stop after so many; -1: at the last epoch's end
  bool stop_on_flat = false;            // NumericsLost where the loss stays that of guessing
  const Dataset* validation = nullptr;  // judged after each epoch; the plateau rule reads it
  const Dataset* test = nullptr;        // judged after each epoch, shown only
  const Registry* registry = nullptr;   // nullptr: default_registry()
  MemoryResource* memory = nullptr;     // nullptr: the device's default resource
};

/// Metrics over many images.
struct Score {
  double loss = 0;        // mean over the images
  double top1_error = 0;  // fraction; mse: mean absolute error over the outputs
  double top5_error = 0;  // fraction
  std::int64_t images = 0;
};

/// After each step. `loss` and `top1_error` are those of the newest step read back.
struct Progress {
  std::int64_t step = 0, steps = 0;  // done; in all
  int epoch = 0, epochs = 0;         // running, from 0; in all
  double fraction = 0;               // of all steps
  double loss = 0, top1_error = 0;
  double images_per_second = 0;  // since run() began, evaluation not counted
  double training_seconds = 0;   // likewise
  float learning_rate = 0;
};

/// One step as a record wants it, in order.
struct StepRecord {
  std::int64_t step = 0;  // from 0
  int epoch = 0;
  Score score;
  float learning_rate = 0;
};

/// After each epoch.
struct EpochRecord {
  int epoch = 0, epochs = 0;  // the one just ended, from 0
  std::int64_t step = 0;      // steps done
  Score training;             // over the epoch's steps, as they were when made
  std::optional<Score> validation, test;
  float learning_rate = 0;
  double images_per_second = 0;  // of this epoch's training
  double seconds = 0;            // since run() began
};

/// Sums over the steps of an epoch so far.
struct EpochSums {
  double loss = 0, top1 = 0, top5 = 0;
  std::int64_t images = 0;
};

/// What training needs to go on exactly where it stopped.
struct TrainingState {
  std::int64_t step = 0;
  EpochSums epoch;                       // of the running epoch; all 0 at its start
  std::vector<float> weights, velocity;  // whole blocks
  Schedule::State schedule;
  std::uint64_t seed = 1;
};

class FOVEA_API Trainer {
 public:
  /// Plans and allocates; nothing has been read but the sizes of `data`. `model` and the data sets
  /// must outlive the trainer. Throws InvalidArgument where model and data do not fit, Unsupported
  /// where the engines cannot.
  Trainer(Model& model, const Dataset& data, const TrainerOptions& options = {});
  ~Trainer();

  /// Called after each step; false stops after this step.
  void on_step(std::function<bool(const Progress&)> callback);
  /// Called with every step's metrics, in order, some steps late.
  void on_record(std::function<void(const StepRecord&)> callback);
  /// Called after each epoch.
  void on_epoch(std::function<void(const EpochRecord&)> callback);

  /// Trains to the last epoch, or until a callback says stop; then `model` holds the new weights.
  /// Throws NumericsLost, and what the data set throws; `model` then holds the last good weights.
  void run();

  TrainingState state() const;
  /// Goes on from there. Throws InvalidArgument where it does not fit.
  void resume(const TrainingState& state);

  /// Judges the present weights on a data set.
  Score evaluate(const Dataset& data);
  const Executor& executor() const;
  Executor& executor();
  /// The recipe with the options applied.
  const Recipe& recipe() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea
