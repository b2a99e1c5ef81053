// reduce.h - sums and maxima over a warp or a block, in an order fixed by the code: the same bits
// on every device, card and run. Blocks here have one dimension and a multiple of 32 threads; every
// thread calls, every thread gets the result.
#pragma once

#include <fovea/kernels/device/math.h>
#include <fovea/kernels/device/target.h>

namespace fovea::FOVEA_TARGET {

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xffffffffU;

__device__ __forceinline__ int lane_id() { return static_cast<int>(threadIdx.x) % kWarp; }
__device__ __forceinline__ int warp_id() { return static_cast<int>(threadIdx.x) / kWarp; }

struct Sum {
  template <class V>
  __device__ __forceinline__ V operator()(V a, V b) const {
    return a + b;
  }
};
struct Max {
  template <class V>
  __device__ __forceinline__ V operator()(V a, V b) const {
    return max(a, b);
  }
};

/// Over the 32 lanes by a butterfly: lane i with i ^ 16, then ^ 8, ... ^ 1. Op is commutative, so
/// all lanes compute the same bits.
template <class Op, class V>
__device__ __forceinline__ V warp_reduce(V v, Op op = {}) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    v = op(v, __shfl_xor_sync(kAllLanes, v, distance));
  }
  return v;
}

template <class V>
__device__ __forceinline__ V warp_sum(V v) {
  return warp_reduce<Sum>(v);
}
template <class V>
__device__ __forceinline__ V warp_max(V v) {
  return warp_reduce<Max>(v);
}

/// What block_reduce() needs in shared memory; a member of the kernel's Smem.
template <class V, int kThreads>
struct ReduceScratch {
  static_assert(kThreads % kWarp == 0);
  V of_warp[kThreads / kWarp];
};

/// Over the block: each warp by warp_reduce(), then the warps' results in index order. Two
/// barriers; the scratch may be used again at once.
template <class Op, class V, int kThreads>
__device__ __forceinline__ V block_reduce(V v, ReduceScratch<V, kThreads>& scratch, Op op = {}) {
  v = warp_reduce(v, op);
  if (lane_id() == 0) scratch.of_warp[warp_id()] = v;
  __syncthreads();  // the warps' results are visible
  V total = scratch.of_warp[0];
  for (int w = 1; w < kThreads / kWarp; ++w) total = op(total, scratch.of_warp[w]);
  __syncthreads();  // all have read them
  return total;
}

template <class V, int kThreads>
__device__ __forceinline__ V block_sum(V v, ReduceScratch<V, kThreads>& scratch) {
  return block_reduce<Sum>(v, scratch);
}
template <class V, int kThreads>
__device__ __forceinline__ V block_max(V v, ReduceScratch<V, kThreads>& scratch) {
  return block_reduce<Max>(v, scratch);
}

}  // namespace fovea::FOVEA_TARGET
