#include <fovea/kernels/ops/conv_algorithm.h>

#include <string>

namespace fovea {

void* ConvInput::checked(std::size_t bytes) const {
  if (bytes != 0 && tensor_.data != nullptr && bytes != size_of(tensor_.dtype)) {
    throw InvalidArgument("a kernel takes elements of " + std::to_string(bytes) +
                          " bytes, the tensor holds " + std::string(name_of(tensor_.dtype)));
  }
  return tensor_.data;
}

}  // namespace fovea
