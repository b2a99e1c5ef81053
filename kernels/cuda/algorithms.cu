// algorithms.cu - the ordered lists of engine "fovea": within an op the first that can run a
// problem is taken. One line an algorithm; a new kernel is added here and nowhere else.
#include <fovea/kernels/cuda/algorithms.h>

#include <fovea/kernels/cuda/factories.h>

namespace fovea::FOVEA_TARGET {

void add_algorithms(Registry& registry) {
  // Convolution and linear: kernels/cuda/conv, kernels/cuda/linear.
  static_cast<void>(registry);
}

}  // namespace fovea::FOVEA_TARGET
