// faults.h - kernels with one planted bug each, and the same kernels without it.
#pragma once

#include <fovea/core/stream.h>

namespace fovea {

/// What is wrong with the kernel.
enum class Fault {
  none,
  // In reverse: y[i] = x[n - 1 - i] through shared memory, n = 64, one block of 64 threads.
  missing_barrier,
  divergent_barrier,
  early_exit,
  unwritten_read,
  overrun_write,
  overrun_read,
  small_launch,
  // In pipeline: sums over 4 steps, 64 threads, two stages of cp.async.
  no_wait,
  short_wait,
  early_reuse,
  wait_without_barrier,
  never_waited,
  // In others.
  crossed_barriers,
  mixed_counts,
  divergent_shuffle,
  unnamed_lane,
  absent_lanes,
  misaligned_load,
  misaligned_copy,
  copy_outside,
  block_order,
};

inline constexpr int kFaultThreads = 64;
inline constexpr int kFaultSteps = 4;

namespace emu {
/// x, y: kFaultThreads elements.
void run_reverse(Fault fault, const float* x, float* y, StreamView stream);
/// y[i] = sum over steps and e of x[step][i ^ 1][e]; x: [kFaultSteps][kFaultThreads][2]. Each
/// thread reads what its neighbour copied.
void run_pipeline(Fault fault, const float* x, float* y, StreamView stream);
/// Two warps that hand over to each other by named barriers; y: kFaultThreads elements become 1.
void run_named(Fault fault, float* y, StreamView stream);
/// y[i] = x[i ^ 1] by shuffles, kFaultThreads elements.
void run_swap(Fault fault, const float* x, float* y, StreamView stream);
/// y[0..4) = x[0..4) by one vector access and one asynchronous copy.
void run_vector(Fault fault, const float* x, float* y, StreamView stream);
/// y[b] = b + 1 for `blocks` blocks; y[-1] is there and 0.
void run_blocks(Fault fault, float* y, int blocks, StreamView stream);
}  // namespace emu

namespace gpu {
void run_reverse(Fault fault, const float* x, float* y, StreamView stream);
void run_pipeline(Fault fault, const float* x, float* y, StreamView stream);
void run_named(Fault fault, float* y, StreamView stream);
void run_swap(Fault fault, const float* x, float* y, StreamView stream);
void run_vector(Fault fault, const float* x, float* y, StreamView stream);
void run_blocks(Fault fault, float* y, int blocks, StreamView stream);
}  // namespace gpu

}  // namespace fovea
