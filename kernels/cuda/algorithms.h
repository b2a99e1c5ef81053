// algorithms.h - the hand-written kernels as algorithms of engine "fovea", once for each target.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/registry.h>

namespace fovea::emu {

/// Appends every algorithm of `fovea` for the emulated device.
FOVEA_API void add_algorithms(Registry& registry);

}  // namespace fovea::emu

namespace fovea::emu_counted {

/// The same algorithms for the emulated device, built to say what they access: see
/// kernels/emulator/counts.h; in builds with FOVEA_COUNT_WORK only.
FOVEA_API void add_algorithms(Registry& registry);

}  // namespace fovea::emu_counted

namespace fovea::gpu {

/// Appends every algorithm of `fovea` for cuda; in builds with CUDA only.
FOVEA_API void add_algorithms(Registry& registry);

}  // namespace fovea::gpu
