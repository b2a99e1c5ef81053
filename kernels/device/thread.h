// thread.h - this thread's place in its block, read anew.
#pragma once

#include <fovea/kernels/device/target.h>

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

}  // namespace fovea::FOVEA_TARGET
