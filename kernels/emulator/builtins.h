// builtins.h - CUDA's built-in variables, barriers and fences, as kernels spell them.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/emulator/block.h>
#include <fovea/kernels/emulator/vector_types.h>

#include <source_location>

namespace fovea::emu {

// Set at every change of turn. The initial-exec model keeps them one instruction away even inside a
// shared library.
#define FOVEA_EMULATOR_TLS \
  extern FOVEA_API constinit thread_local __attribute__((tls_model("initial-exec")))
FOVEA_EMULATOR_TLS uint3 threadIdx;
FOVEA_EMULATOR_TLS uint3 blockIdx;
FOVEA_EMULATOR_TLS dim3 blockDim;
FOVEA_EMULATOR_TLS dim3 gridDim;
#undef FOVEA_EMULATOR_TLS

inline constexpr int warpSize = 32;

/// All threads of the block, each from this very place in the source.
inline void __syncthreads(std::source_location at = std::source_location::current()) {
  emulator::Block& b = emulator::Block::running();
  b.barrier(0, b.threads(), false, true, at);
}

inline int __syncthreads_count(int p, std::source_location at = std::source_location::current()) {
  emulator::Block& b = emulator::Block::running();
  return static_cast<int>(b.barrier(0, b.threads(), p != 0, true, at));
}

inline int __syncthreads_or(int p, std::source_location at = std::source_location::current()) {
  return __syncthreads_count(p, at) != 0 ? 1 : 0;
}

inline int __syncthreads_and(int p, std::source_location at = std::source_location::current()) {
  emulator::Block& b = emulator::Block::running();
  return b.barrier(0, b.threads(), p != 0, true, at) == b.threads() ? 1 : 0;
}

/// Blocks of a grid run on several host threads: the fence is real.
inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_block() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

template <class T>
T __ldg(const T* p) {
  return *p;
}

}  // namespace fovea::emu
