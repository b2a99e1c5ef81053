#include <fovea/kernels/ops/candidates.h>

namespace fovea {

Candidates::~Candidates() = default;

std::string Candidates::text() const {
  return std::string(op_) + " " + std::string(name_of(pass_)) + " " + problem() + " in " +
         std::string(name_of(math_)) + " on " + to_string(device_.device);
}

}  // namespace fovea
