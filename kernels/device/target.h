// target.h - one source, two devices: nvcc compiles kernels into fovea::gpu, the host compiler with
// FOVEA_EMULATED into fovea::emu on top of the emulator. Kernels and the headers of this folder say
// `namespace fovea::FOVEA_TARGET`, so that both builds link into one program. FOVEA_UNROLL before a
// loop of constant length unrolls it under both compilers.
#pragma once

#ifdef FOVEA_EMULATED
#include <fovea/kernels/emulator/cuda.h>
#define FOVEA_TARGET emu
#define FOVEA_UNROLL _Pragma("GCC unroll 64")
#else
#include <cuda_runtime.h>
#define FOVEA_TARGET gpu
#define FOVEA_UNROLL _Pragma("unroll")
#endif

namespace fovea::FOVEA_TARGET {

/// Whether this is the emulator's build; for `if constexpr` around what only one side can do.
#ifdef FOVEA_EMULATED
inline constexpr bool kEmulated = true;
#else
inline constexpr bool kEmulated = false;
#endif

}  // namespace fovea::FOVEA_TARGET
