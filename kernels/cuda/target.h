// target.h - which build of a kernel source this is: FOVEA_TARGET is `gpu` under nvcc, `emu` and
// `emu_counted` under the host compiler.
#pragma once

#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/ops/algorithm.h>

#include <string_view>

namespace fovea::FOVEA_TARGET {

/// The engine's name in policies and tables.
inline constexpr std::string_view kEngine = "fovea";

/// Where algorithms of this build run.
#ifdef FOVEA_EMULATED
inline constexpr Devices kTarget = Devices::emulated;
#else
inline constexpr Devices kTarget = Devices::cuda;
#endif

}  // namespace fovea::FOVEA_TARGET
