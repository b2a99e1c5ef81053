// train_text.h - what `fovea train` prints, and keeps in the run's log.txt. Internal to cli/.
#pragma once

#include <fovea/cli/context.h>
#include <fovea/train/run.h>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

namespace fovea::cli {

/// Lines to standard output (to standard error where that is taken by --json -) and to log.txt.
class TrainOutput {
 public:
  TrainOutput(const CommandContext& c, const Run& run);
  void print(const std::string& line);
  /// To log.txt alone.
  void keep(const std::string& text);

 private:
  const CommandContext& context_;
  std::ofstream log_;
};

/// Device, engines, data, net, notes, run; the table of all ops goes to the log.
void print_head(const CommandContext& c, const Run& run, TrainOutput& out);

/// The table of epochs, and on a terminal a live line below it.
class EpochTable {
 public:
  EpochTable(const CommandContext& c, const Run& run, TrainOutput& out);
  void step(const Progress& p);
  void epoch(const EpochRecord& e);
  /// An error as people read it: per cent, or the mean absolute one.
  std::string error(double e) const;
  /// The epochs so far, for --json.
  const std::vector<EpochRecord>& records() const { return records_; }
  /// The least validation error of this start and its epoch, from 1; epoch 0: none.
  double best_validation() const { return best_; }
  int best_epoch() const { return best_epoch_; }

 private:
  using Clock = std::chrono::steady_clock;
  const CommandContext& context_;
  TrainOutput& out_;
  bool mse_, live_;
  int first_ = -1;  // epoch of this start
  double best_ = 0;
  int best_epoch_ = 0;
  Clock::time_point shown_{};
  std::vector<EpochRecord> records_;
};

/// Last scores, the files, and commands to go on with, which run as printed.
void print_end(const CommandContext& c, const Run& run, const EpochTable& table, TrainOutput& out);

}  // namespace fovea::cli
