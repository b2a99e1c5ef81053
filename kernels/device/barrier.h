// barrier.h - barriers for a part of the block (PTX bar.sync and bar.arrive), for warps with
// different roles. __syncthreads() is barrier 0; these are 1 to 15. `threads` counts all that come,
// those that only arrive too: a multiple of 32, the same at every call.
#pragma once

#include <fovea/kernels/device/target.h>

#include <source_location>

namespace fovea::FOVEA_TARGET {

#ifdef FOVEA_EMULATED

/// Waits until `threads` threads have come to barrier `id`; what they wrote before is visible.
inline void barrier_sync(int id, int threads,
                         std::source_location at = std::source_location::current()) {
  emulator::Block::running().named_barrier(id, threads, true, at);
}

/// Counts the caller at barrier `id` and goes on.
inline void barrier_arrive(int id, int threads,
                           std::source_location at = std::source_location::current()) {
  emulator::Block::running().named_barrier(id, threads, false, at);
}

#else

/// Waits until `threads` threads have come to barrier `id`; what they wrote before is visible.
__device__ __forceinline__ void barrier_sync(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/// Counts the caller at barrier `id` and goes on.
__device__ __forceinline__ void barrier_arrive(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

#endif

}  // namespace fovea::FOVEA_TARGET
