#include <fovea/core/error.h>
#include <fovea/train/preprocessing.h>

#include <string>

namespace fovea {

Preprocessing Preprocessing::none(const InputRecipe& input) {
  const auto c = static_cast<std::size_t>(input.channels);
  return {std::vector<float>(c, 0.0F), std::vector<float>(c, 1.0F)};
}

Shape Preprocessing::mean_shape(const InputRecipe& input) const {
  const auto count = static_cast<std::int64_t>(mean.size());
  const Shape picture{input.height, input.width, input.channels};
  if (static_cast<int>(scale.size()) == input.channels) {
    if (count == input.channels) return {input.channels};
    if (count == picture.elements()) return picture;
  }
  throw InvalidArgument("preprocessing: " + std::to_string(mean.size()) + " means and " +
                        std::to_string(scale.size()) + " scales do not fit an input of " +
                        to_string(picture));
}

}  // namespace fovea
