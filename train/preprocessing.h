// preprocessing.h - the constants by which a picture becomes the net's input; measured on the
// training part, kept in every model file.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/shape.h>
#include <fovea/layers/recipe.h>

#include <vector>

namespace fovea {

/// (pixel - mean) * scale.
struct FOVEA_API Preprocessing {
  std::vector<float> mean;   // one a channel, or height x width x channels as the net sees
  std::vector<float> scale;  // one a channel

  /// 0 and 1: pixels as they are.
  static Preprocessing none(const InputRecipe& input);
  /// {channels} or {height, width, channels}. Throws InvalidArgument where the sizes fit neither.
  Shape mean_shape(const InputRecipe& input) const;
  friend bool operator==(const Preprocessing&, const Preprocessing&) = default;
};

}  // namespace fovea
