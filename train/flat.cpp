#include <fovea/train/flat.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace fovea {

double guessing_loss(const Dataset& data) {
  std::vector<double> count(static_cast<std::size_t>(std::max(data.classes(), 1)));
  for (std::int64_t i = 0; i < data.size(); ++i) ++count[static_cast<std::size_t>(data.label(i))];
  const auto n = static_cast<double>(data.size());
  double entropy = 0;
  for (const double c : count) {
    if (c > 0) entropy -= c / n * std::log(c / n);
  }
  return entropy;
}

FlatWatch::FlatWatch(double guessing, std::int64_t steps_an_epoch)
    : bound_{0.99 * guessing}, window_{std::clamp<std::int64_t>(steps_an_epoch, 1, 1000)} {}

bool FlatWatch::add(double mean_loss) {
  sum_ += mean_loss;
  if (++steps_ < window_) return false;
  last_mean_ = sum_ / static_cast<double>(steps_);
  flat_windows_ = last_mean_ > bound_ ? flat_windows_ + 1 : 0;
  steps_ = 0;
  sum_ = 0;
  return flat_windows_ == 2;
}

}  // namespace fovea
