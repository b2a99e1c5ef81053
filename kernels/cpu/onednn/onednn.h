// onednn.h - engine `onednn`: Intel's oneDNN behind the lists of kernels/ops, on the CPU in fp32.
// docs/kernels/onednn.md says which primitive was chosen for what, and the measurements.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/registry.h>

#include <string>

namespace fovea {

/// Appends the algorithms of engine `onednn`.
FOVEA_API void add_onednn_algorithms(Registry& registry);

/// The version of the library that runs, "2.6.3".
FOVEA_API std::string onednn_version();

}  // namespace fovea
