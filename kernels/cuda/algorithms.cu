// algorithms.cu - the ordered lists of engine "fovea": within an op the first that can run a
// problem is taken. One line an algorithm; a new kernel is added here and nowhere else.
#include <fovea/kernels/cuda/algorithms.h>

#include <fovea/kernels/cuda/factories.h>

namespace fovea::FOVEA_TARGET {

void add_algorithms(Registry& registry) {
  registry.add(conv_forward_naive());
  registry.add(conv_dgrad_naive());
  registry.add(conv_wgrad_naive());
  registry.add(linear_forward_naive());
  registry.add(linear_dgrad_naive());
  registry.add(linear_wgrad_naive());
}

}  // namespace fovea::FOVEA_TARGET
