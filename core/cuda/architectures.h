// architectures.h - which GPUs a list of CUDA architectures has code for. Pure.
#pragma once

#include <fovea/core/api.h>

#include <string_view>

namespace fovea {

/// Whether kernels compiled for `architectures` ("80-real;90a-real;80-virtual", CMake's spelling)
/// run on a GPU of `capability` (90 for 9.0). Machine code runs on the same major version from its
/// minor version on; PTX ("virtual", or no suffix) on all later ones; code with an "a" on exactly
/// its own, with an "f" on its major version. Entries are separated by ";" or ",". Source: CUDA C++
/// Programming Guide, "Compute Capabilities", feature sets.
FOVEA_API bool code_runs_on(std::string_view architectures, int capability);

/// code_runs_on() with the architectures of this build.
FOVEA_API bool cuda_code_for(int capability);

}  // namespace fovea
