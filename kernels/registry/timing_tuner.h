// timing_tuner.h - answers engine word `fastest` with the clock: each candidate on device memory
// full of data, in turns, by medians; what was found once is not timed again.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/registry/tuning_table.h>

#include <functional>
#include <string>

namespace fovea {

class FOVEA_API TimingTuner final : public Tuner {
 public:
  /// `on_new` is told after each measurement: what was asked so far, with its answers.
  explicit TimingTuner(TuningTable known = {}, std::function<void(const TuningTable&)> on_new = {});

  /// The known winner, where it can still run and every algorithm that can was timed beside it;
  /// else measures. One candidate alone is timed only where the question says so.
  TuningAnswer fastest(const TuningQuestion& question) override;

  /// Problems measured, and problems whose answer was known before.
  int measured() const { return measured_; }
  int known() const { return known_used_; }
  /// Spent on measuring.
  double seconds() const { return seconds_; }
  /// What was asked so far, with its answers.
  const TuningTable& used() const { return used_; }
  /// "12 problems timed in 3.1 s, 20 known"; "" where nothing was asked.
  std::string summary() const;

 private:
  TuningTable known_, used_;
  std::function<void(const TuningTable&)> on_new_;
  int measured_ = 0, known_used_ = 0;
  double seconds_ = 0;
};

}  // namespace fovea
