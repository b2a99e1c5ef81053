// thread.h - this thread's place in its block, read anew, and what compilers may not know.
#pragma once

#include <fovea/kernels/device/target.h>

#include <bit>
#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// threadIdx.x for what follows a long loop that an outer one repeats. The compiler would compute
/// all that depends on the thread alone once, before both, and keep it in registers through the
/// inner one; of this it does not know that the value is the same again.
__device__ __forceinline__ unsigned thread_read_anew() {
#ifdef FOVEA_EMULATED
  return threadIdx.x;
#else
  unsigned thread;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
  return thread;
#endif
}

/// 0, of which the compiler does not know that it is: a block has at most 1024 threads.
__device__ __forceinline__ unsigned unknown_zero() { return thread_read_anew() >> 10; }

/// v in a register of its own, given unknown_zero(). What leaves in one vector must lie side by
/// side, and ptxas would have it so from its first sum on, all through the loop: half of the
/// multiply-adds of a product then wait for a register bank.
__device__ __forceinline__ float moved(float v, unsigned zero) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(v) ^ zero);
}

}  // namespace fovea::FOVEA_TARGET
