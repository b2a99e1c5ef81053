// async_copy.h - copies from global to shared memory that run beside the thread (PTX cp.async,
// capability 8.0). A thread issues copies, closes them into a group, and waits until its older
// groups have landed; other threads see the data after a barrier behind that wait.
//
//   async_copy<16>(&s.a[stage][i], x + offset, inside);   // zeros where !inside
//   async_commit();
//   ...
//   async_wait<1>();   // all groups of this thread but the newest one have landed
//   __syncthreads();   // ... and those of the others
//
// A stage must not be overwritten before all have read it: a barrier stands between the last read
// and the next async_copy() into it. Every copy is waited for before the thread ends.
#pragma once

#include <fovea/kernels/device/target.h>

#include <source_location>

namespace fovea::FOVEA_TARGET {

#ifdef FOVEA_EMULATED

/// Starts copying Bytes (4, 8 or 16; both addresses are multiples of it); zeros if not `valid`,
/// and then `global` is not read. Nothing if not `active`: without a branch.
template <int Bytes>
void async_copy(void* shared, const void* global, bool valid = true, bool active = true,
                std::source_location at = std::source_location::current()) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16);
  if (!active) return;
  emulator::Block::running().async_copy(shared, global, Bytes, valid, at);
}

/// Closes the copies since the last call into a group; a group may be empty.
inline void async_commit() { emulator::Block::running().async_commit(); }

/// Waits until at most kOpen of this thread's groups, the newest, are still under way.
template <int kOpen>
void async_wait() {
  emulator::Block::running().async_wait(kOpen);
}

#else

/// Starts copying Bytes (4, 8 or 16; both addresses are multiples of it); zeros if not `valid`,
/// and then `global` is not read. Nothing if not `active`: without a branch.
template <int Bytes>
__device__ __forceinline__ void async_copy(void* shared, const void* global, bool valid = true,
                                           bool active = true) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16);
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const auto from = __cvta_generic_to_global(global);
  const int from_bytes = valid ? Bytes : 0;
  if constexpr (Bytes == 16) {  // .cg keeps streamed data out of L1; it exists for 16 bytes only
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %3, 0; @p cp.async.cg.shared.global [%0], [%1], 16, %2;}" ::
            "r"(to),
        "l"(from), "r"(from_bytes), "r"(static_cast<int>(active))
        : "memory");
  } else {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %4, 0; @p cp.async.ca.shared.global [%0], [%1], %2, %3;}" ::
            "r"(to),
        "l"(from), "n"(Bytes), "r"(from_bytes), "r"(static_cast<int>(active))
        : "memory");
  }
}

/// Closes the copies since the last call into a group; a group may be empty.
__device__ __forceinline__ void async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Waits until at most kOpen of this thread's groups, the newest, are still under way.
template <int kOpen>
__device__ __forceinline__ void async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kOpen) : "memory");
}

#endif

}  // namespace fovea::FOVEA_TARGET
