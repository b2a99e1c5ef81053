// target.h - one source, two devices: nvcc compiles kernels into fovea::gpu, the host compiler with
// FOVEA_EMULATED into fovea::emu on top of the emulator. Kernels and the headers of this folder say
// `namespace fovea::FOVEA_TARGET`, so that all builds link into one program. A third build, for the
// emulator with FOVEA_COUNT_ACCESSES, says what it accesses (kernels/emulator/counts.h).
// FOVEA_UNROLL before a loop of constant length unrolls it under both compilers.
#pragma once

#ifdef FOVEA_EMULATED
#include <fovea/kernels/emulator/cuda.h>
#ifdef FOVEA_COUNT_ACCESSES
#define FOVEA_TARGET emu_counted
#else
#define FOVEA_TARGET emu
#endif
#define FOVEA_UNROLL _Pragma("GCC unroll 64")
#else
#include <cuda_runtime.h>
#define FOVEA_TARGET gpu
#define FOVEA_UNROLL _Pragma("unroll")
#endif

#ifdef FOVEA_COUNT_ACCESSES
namespace fovea::emu_counted {
using namespace fovea::emu;  // CUDA's own words
}
#endif

namespace fovea::FOVEA_TARGET {

/// Whether this is the emulator's build; for `if constexpr` around what only one side can do.
#ifdef FOVEA_EMULATED
inline constexpr bool kEmulated = true;
#else
inline constexpr bool kEmulated = false;
#endif

}  // namespace fovea::FOVEA_TARGET
