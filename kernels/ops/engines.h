// engines.h - the engines that fovea has, by name; a build or a device may lack some.
#pragma once

#include <fovea/kernels/ops/policy.h>

#include <array>
#include <string_view>

namespace fovea {

inline constexpr std::array<std::string_view, 5> kEngines = {"fovea", "cudnn", "onednn", "simd",
                                                             kReference};

}  // namespace fovea
