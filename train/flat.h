// flat.h - tells a net that learns nothing from one that does. Internal to train/.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>

#include <cstdint>

namespace fovea {

/// Cross entropy, in nats, of always answering with the classes' shares in `data`: what a net
/// reaches without looking at its pictures.
FOVEA_API double guessing_loss(const Dataset& data);

/// Watches the loss step by step, in windows of an epoch or 1,000 steps, whichever is shorter.
/// Flat: in two windows on end the mean loss was above 99 % of what guessing gives.
class FOVEA_API FlatWatch {
 public:
  FlatWatch(double guessing, std::int64_t steps_an_epoch);
  /// True where this step completes the second such window.
  bool add(double mean_loss);
  double last_mean() const { return last_mean_; }

 private:
  double bound_;
  std::int64_t window_, steps_ = 0;
  double sum_ = 0, last_mean_ = 0;
  int flat_windows_ = 0;
};

}  // namespace fovea
