// reference.h - engine `reference`: every op as plain loops on the CPU, sums in fp64. It is what
// all other engines are compared with, so it is written to be read.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/registry.h>

namespace fovea {

/// Appends the algorithm `loops` of engine `reference` to every list.
FOVEA_API void add_reference_algorithms(Registry& registry);

}  // namespace fovea
