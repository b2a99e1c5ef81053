// run.h - a training run as a folder: opened data, trainer, records, checkpoints, resume.
//
//   config.toml        the recipe as resolved; values that differ from the preset are marked
//   classes.txt        one name a line
//   choices.tsv        who computes each op, and why
//   tuning.txt         what was found fastest, where an engine list says so
//   metrics.jsonl      one object a step or an evaluation
//   checkpoints/       step-000012000.safetensors (the last 3), best.safetensors with validation
//   model.safetensors  the last weights as a one-file model
//   report.html        rewritten after each epoch
//   tensorboard/       the same records as event files of TensorBoard, one folder a split
//   skipped.tsv        files of the data folder that are not used, where there are any
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/open.h>
#include <fovea/train/trainer.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace fovea {

struct RunOptions {
  Recipe recipe;
  std::optional<Recipe> preset = std::nullopt;  // what config.toml marks differences from
  std::filesystem::path data;
  OpenOptions open = {};
  std::filesystem::path out = {};  // empty: runs/NAME-K, K the first free number
  std::string weights = {};        // a model to start from; empty: fresh
  std::int64_t overfit = 0;        // train on so many pictures only, judged on themselves
  TrainerOptions trainer = {};     // validation and test are set by the run
  std::string tuning = {};         // file that `fastest` shares with other runs; empty: none
  /// Told how many pictures are measured while mean and deviation are, before training.
  std::function<void(std::int64_t done, std::int64_t total)> on_measure = {};
};

/// What a resume may change.
struct ResumeOptions {
  std::optional<int> epochs = std::nullopt;
  std::optional<Device> device = std::nullopt;
  int loaders = 0;
  bool allow_different_bits = false;
  const Registry* registry = nullptr;  // nullptr: default_registry()
};

class FOVEA_API Run {
 public:
  /// Opens the data, fits recipe and data to each other, plans; the folder is made last, so that a
  /// refused run leaves nothing. Throws what those throw; InvalidArgument where `out` exists.
  explicit Run(const RunOptions& options);
  /// Goes on exactly where the run in `folder` stopped: its newest checkpoint that verifies.
  static Run resume(const std::filesystem::path& folder, const ResumeOptions& options = {});
  Run(Run&&) noexcept;
  ~Run();

  const DataSets& data() const;
  const Model& model() const;
  Trainer& trainer();
  const Trainer& trainer() const;
  const std::filesystem::path& folder() const;
  /// The options as they are in force: after a resume those of the run.
  const RunOptions& options() const;
  /// What recipe and data were fitted to each other by, one sentence each; for people.
  const std::vector<std::string>& notes() const;

  /// Called after each epoch, after the run's own records are written.
  void on_epoch(std::function<void(const EpochRecord&)> callback);
  /// Called after each step; false stops: the state is saved, and run() returns false.
  void on_step(std::function<bool(const Progress&)> callback);

  /// Trains; writes records, a checkpoint after each epoch, model and report. True: to the end.
  bool run();
  /// "12 problems timed in 3.1 s, 20 known", where an engine list says `fastest`; else "".
  std::string tuning_summary() const;
  /// Score on the test part by the last weights; empty where there is none.
  std::optional<Score> test_score() const;
  /// Seconds of training proper over all starts, evaluation and records not counted.
  double training_seconds() const;

 private:
  struct Impl;
  explicit Run(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// How the run in a folder opened its data, from its newest checkpoint, so that its parts can be
/// had again; the defaults where `folder` is no run folder.
FOVEA_API OpenOptions opened_by_run(const std::filesystem::path& folder);

/// The host threads that the run in a folder was computed with: on cpu its bits may depend on them.
/// 0 where `folder` is no run folder.
FOVEA_API int threads_of_run(const std::filesystem::path& folder);

}  // namespace fovea
