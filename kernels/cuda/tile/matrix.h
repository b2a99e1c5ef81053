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
/// memory: a thread a row, indices ascending. A bias gradient. Kept in shared memory, of which
/// there is plenty, and not in a register, of which there is none left.
template <class T>
class RowSum {
  static_assert(T::kThreads >= T::BM, "a thread a row");

 public:
  using Sums = float[T::BM];

  /// `wanted` is the same for all threads of the block.
  __device__ __forceinline__ RowSum(Sums& sums, bool wanted) : sums_{sums}, wanted_{wanted} {
    if (active()) sums_[threadIdx.x] = 0.0F;
  }
  /// Whether this thread has a row.
  __device__ __forceinline__ bool active() const { return wanted_ && threadIdx.x < T::BM; }
  __device__ __forceinline__ float sum() const { return sums_[threadIdx.x]; }
  __device__ __forceinline__ void operator()(const typename T::Stage& stage) const {
    if (!active()) return;
    float sum = sums_[threadIdx.x];
#pragma unroll
    for (int kk = 0; kk < T::BK; ++kk) sum += stage.a[kk][threadIdx.x];
    sums_[threadIdx.x] = sum;
  }

 private:
  Sums& sums_;  // this thread reads and writes its own alone
  bool wanted_;
};

}  // namespace fovea::FOVEA_TARGET
