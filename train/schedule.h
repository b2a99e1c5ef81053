// schedule.h - the learning rate as a function of what has happened.
#pragma once

#include <fovea/core/api.h>
#include <fovea/layers/recipe.h>

namespace fovea {

/// Steps multiply the rate from their epoch on; the plateau rule divides it when the validation
/// error has not improved for so many epochs. State is what a checkpoint keeps.
class FOVEA_API Schedule {
 public:
  struct State {
    float best_error = 2.0F;  // above any error rate
    int waited = 0;           // epochs since the best
    int falls = 0;            // how often the plateau rule has struck
  };
  explicit Schedule(const TrainRecipe& recipe) : recipe_{recipe} {}
  /// Rate in an epoch, counted from 0.
  float rate(int epoch) const;
  /// Tells the validation error after an epoch.
  void observe(float validation_error);
  const State& state() const { return state_; }
  void restore(const State& state) { state_ = state; }

 private:
  TrainRecipe recipe_;
  State state_;
};

}  // namespace fovea
