// registry.h - every algorithm of this build, in order.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/registry.h>

namespace fovea {

/// The lists of this build: engines simd, onednn and reference on cpu, fovea on emulated and cuda;
/// within an engine its order is the order of choice. A value: add to your own copy.
FOVEA_API Registry default_registry();

}  // namespace fovea
