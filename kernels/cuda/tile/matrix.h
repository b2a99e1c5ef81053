// matrix.h - rows of a plain matrix as the source of an operand (staging.h).
#pragma once

#include <fovea/kernels/cuda/tile/staging.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// Element (i, kk) at data[i * pitch + kk]: the reduction is contiguous.
struct AlongMatrix {
  const float* data;  // the tile's first row
  int rows;           // from there on
  unsigned pitch;
  unsigned end;  // of the reduction

  template <int Rows, int BK, int Threads, int Width>
  using Load = AlongReduction<Rows, BK, Threads, Width>;

  __device__ __forceinline__ int row(int i) const { return i; }
  __device__ __forceinline__ unsigned step(unsigned kk) const { return kk; }
  __device__ __forceinline__ const float* find(int i, unsigned kk) const {
    return i < rows && kk < end ? data + (std::int64_t{i} * pitch + kk) : nullptr;
  }
};

/// Element (i, kk) at data[kk * pitch + i]: the rows are contiguous.
struct AcrossMatrix {
  const float* data;  // the tile's first row
  int rows;           // from there on
  unsigned pitch;
  unsigned end;  // of the reduction

  template <int Rows, int BK, int Threads, int Width>
  using Load = AcrossReduction<Rows, BK, Threads, Width>;

  __device__ __forceinline__ int row(int i) const { return i; }
  __device__ __forceinline__ unsigned step(unsigned kk) const { return kk; }
  __device__ __forceinline__ const float* find(int i, unsigned kk) const {
    return i < rows && kk < end ? data + (std::int64_t{kk} * pitch + i) : nullptr;
  }
};

/// Sums of the left operand's rows over the reduction, from the slices as they lie in shared
/// memory: a thread a row. This is a bias gradient's sum, in ascending order.
template <class T>
struct RowSum {
  static_assert(T::kThreads >= T::BM, "a thread a row");
  bool active;  // of this thread
  float sum = 0.0F;

  __device__ __forceinline__ explicit RowSum(bool wanted) : active{wanted && threadIdx.x < T::BM} {}
  __device__ __forceinline__ void operator()(const typename T::Stage& stage) {
    if (!active) return;
#pragma unroll
    for (int kk = 0; kk < T::BK; ++kk) sum += stage.a[kk][threadIdx.x];
  }
};

}  // namespace fovea::FOVEA_TARGET
