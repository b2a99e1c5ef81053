// host.h - what of this machine's processor the bits of a run on cpu depend on.
#pragma once

#include <fovea/core/api.h>

#include <string>

namespace fovea {

/// The widest vectors that the processor has of those our loops and oneDNN choose by: "AVX-512",
/// "AVX2", or "" for neither.
FOVEA_API std::string vector_instructions();

}  // namespace fovea
