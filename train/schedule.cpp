#include <fovea/train/schedule.h>

#include <cmath>

namespace fovea {

float Schedule::rate(int epoch) const {
  float rate = recipe_.learning_rate;
  for (const RateStep& step : recipe_.steps) {
    if (epoch + 1 >= step.epoch) rate *= step.factor;
  }
  for (int i = 0; i < state_.falls; ++i) rate *= recipe_.plateau_factor;
  return rate;
}

void Schedule::observe(float validation_error) {
  if (recipe_.plateau_patience <= 0) return;
  if (validation_error < state_.best_error) {
    state_.best_error = validation_error;
    state_.waited = 0;
    return;
  }
  if (++state_.waited >= recipe_.plateau_patience && state_.falls < recipe_.plateau_times) {
    ++state_.falls;
    state_.waited = 0;
  }
}

}  // namespace fovea
