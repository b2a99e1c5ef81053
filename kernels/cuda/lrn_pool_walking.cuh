// lrn_pool_walking.cuh - how lrn_pool_walking.cu deals pixels to lanes, brings a lane its channels,
// and adds up windows across channels by shuffle.
#pragma once

#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/cuda/lrn.cuh>
#include <fovea/kernels/cuda/lrn_pool.cuh>

#include <type_traits>

namespace fovea::FOVEA_TARGET::walking {

inline constexpr int kWindow = 3, kStride = 2;  // of pooling
inline constexpr int kReach = 2;                // of LRN's window to either side
inline constexpr float kBeta = 0.75F;           // its exponent
inline constexpr int kChannels = 8;             // of a thread
inline constexpr int kMostThreads = 512, kMostWarps = kMostThreads / 32;
inline constexpr int kMostChannels = 32 * kChannels;
inline constexpr int kLeastRows = 6;     // of y in a part
inline constexpr int kBlocks = 2 * 132;  // wanted, before a plane is left whole

using Floats = Vector<float, kChannels>;

struct WalkGeometry {
  PoolGeometry pool;
  float a, k;
  int vectors, group_vectors;  // of kChannels, in a pixel and in a group of LRN
  int pixels;                  // of a warp
  Cut columns, rows;           // of y forward; of x and pairs of rows of x backward
  bool mask;

  WalkGeometry(const LrnPoolProblem& p, const Cut& column_cut, const Cut& row_cut)
      : pool{p.pool},
        a{p.lrn.scale()},
        k{p.lrn.k},
        vectors{p.pool.c / kChannels},
        group_vectors{vectors / p.lrn.groups},
        pixels{32 / vectors},
        columns{column_cut},
        rows{row_cut},
        mask{p.epilogue.mask} {}

  Launch launch_of(int strip_columns, std::size_t smem) const {
    const int warps = (strip_columns + pixels - 1) / pixels;
    return {.grid = {static_cast<unsigned>(std::int64_t{pool.n} * columns.parts * rows.parts)},
            .block = {static_cast<unsigned>(32 * warps)},
            .smem = smem};
  }
};

/// This thread's place in the strip.
struct Lane {
  int vector, column;
  bool active;       // not behind the last whole pixel of a warp
  bool first, last;  // of a group of LRN: windows end here
  __device__ __forceinline__ explicit Lane(const WalkGeometry& g) {
    const auto lane = static_cast<int>(threadIdx.x) % 32;
    const int pixel = lane / g.vectors;
    vector = lane - pixel * g.vectors;
    column = static_cast<int>(threadIdx.x) / 32 * g.pixels + pixel;
    active = pixel < g.pixels;
    const int in_group = vector % g.group_vectors;
    first = in_group == 0;
    last = in_group == g.group_vectors - 1;
  }
};

/// A thread's channels at p, where `active`; all lanes call. 32 bytes of fp32 are two accesses: in
/// each, two lanes side by side take one sector together, and exchange halves.
///     lane  even   odd     even   odd          even           odd
///     load  0 - 3  4 - 7 | 8 - 11 12 - 15      keeps 0 - 3    keeps 12 - 15
///                 `-----------'  exchanged     gets 4 - 7     gets 8 - 11
template <class T>
__device__ __forceinline__ Floats load_channels(const WalkGeometry& g, const T* p, bool active) {
  Floats v{};
  if (std::is_same_v<T, bf16> || g.vectors % 2 != 0) {
    if (active) v = load_floats<kChannels>(p);
    return v;
  }
  const bool odd = threadIdx.x % 2 != 0;
  Vector<float, 4> first{}, second{};
  if (active) {
    first = load_floats<4>(p - (odd ? 4 : 0));
    second = load_floats<4>(p + (odd ? 4 : 8));
  }
#pragma unroll
  for (int l = 0; l < 4; ++l) {
    const float other = __shfl_xor_sync(kAllLanes, odd ? first[l] : second[l], 1);
    v[l] = odd ? other : first[l];
    v[4 + l] = odd ? second[l] : other;
  }
  return v;
}

/// The same way out.
template <class T>
__device__ __forceinline__ void store_channels(const WalkGeometry& g, T* p, const Floats& v,
                                               bool active) {
  if (std::is_same_v<T, bf16> || g.vectors % 2 != 0) {
    if (active) store_floats<kChannels>(p, v);
    return;
  }
  const bool odd = threadIdx.x % 2 != 0;
  Vector<float, 4> first, second;
#pragma unroll
  for (int l = 0; l < 4; ++l) {
    const float other = __shfl_xor_sync(kAllLanes, odd ? v[l] : v[4 + l], 1);
    first[l] = odd ? other : v[l];
    second[l] = odd ? v[4 + l] : other;
  }
  if (!active) return;
  store_floats<4>(p - (odd ? 4 : 0), first);
  store_floats<4>(p + (odd ? 4 : 8), second);
}

/// The sum over each channel's window, in the order of channels; all lanes call.
template <class F>
__device__ __forceinline__ Floats window_sums(const Lane& lane, const Floats& v, const F& add) {
  float all[kChannels + 2 * kReach];
#pragma unroll
  for (int i = 0; i < kReach; ++i) {
    const float before = __shfl_up_sync(kAllLanes, v[kChannels - kReach + i], 1);
    const float behind = __shfl_down_sync(kAllLanes, v[i], 1);
    all[i] = lane.first ? 0.0F : before;
    all[kReach + kChannels + i] = lane.last ? 0.0F : behind;
  }
#pragma unroll
  for (int l = 0; l < kChannels; ++l) all[kReach + l] = v[l];
  Floats sum{};
#pragma unroll
  for (int l = 0; l < kChannels; ++l) {
#pragma unroll
    for (int j = 0; j <= 2 * kReach; ++j) sum[l] = add(all[l + j], sum[l]);
  }
  return sum;
}

__device__ __forceinline__ Floats denominators(const WalkGeometry& g, const Lane& lane,
                                               const Floats& x) {
  Floats d = window_sums(lane, x, [](float v, float sum) { return fma(v, v, sum); });
#pragma unroll
  for (int l = 0; l < kChannels; ++l) d[l] = fma(g.a, d[l], g.k);
  return d;
}

/// d^-3/4 and d^-1 of a d that is at least k, and that is no denormal.
__device__ __forceinline__ InversePowers inverse_three_quarters(float d) {
  const float root = rsqrt_of_normal(d);
  return from_roots(root, rsqrt_of_normal(root));
}

}  // namespace fovea::FOVEA_TARGET::walking
