// staging.h - brings one slice of an operand from global memory through registers into shared
// memory, in two halves, so that the loads of the next slice fly while the current one is used.
//
// An operand is a Source:
//   row(i)          what row i of the tile means (a pixel, a filter)
//   step(kk)        what index kk of the reduction means (a tap and channel)
//   find(row, step) the element's address, or nullptr where there is none and 0 stands for it
// With Width = 4 four neighbours lie at one 16-byte aligned address and are inside or outside
// together; launchers see to it that extents allow that.
#pragma once

#include <fovea/kernels/device/vector.h>

namespace fovea::FOVEA_TARGET {

template <int Width>
__device__ __forceinline__ Vector<float, Width> load_or_zero(const float* p) {
  if (p == nullptr) return {};
  return load_vector<Width>(p);
}

/// An operand whose neighbours in memory are neighbours in the reduction: it is turned on its way.
/// Threads stand kLanes side by side along the reduction, so that a row's loads fill 32-byte
/// sectors. Stores: with bank = 4 kk + row (mod 32) from the padding of Tile::Stage,
///   Width 1: 8 kk x 4 rows, Width 4 with 2 lanes: 2 kk of distance 4 x 16 rows: no conflict;
///   Width 4 with 4 lanes (small tiles): two-way.
template <int Rows, int BK, int Threads, int Width>
class AlongReduction {
  static constexpr int kLanes = Width == 1 ? 8 : Threads / Rows >= 4 ? 4 : 2;
  static constexpr int kRowsPerPass = Threads / kLanes;
  static constexpr int kRowPasses = (Rows + kRowsPerPass - 1) / kRowsPerPass;
  static constexpr int kStepPasses = BK / (kLanes * Width);
  static_assert(BK % (kLanes * Width) == 0 && Threads % kLanes == 0);

 public:
  template <class Source>
  __device__ __forceinline__ void fetch(const Source& source, unsigned first) {
#pragma unroll
    for (int k = 0; k < kStepPasses; ++k) {
      const auto step = source.step(first + static_cast<unsigned>(step_of(k)));
#pragma unroll
      for (int r = 0; r < kRowPasses; ++r) {
        if (!has_row(r)) continue;
        value_[r][k] = load_or_zero<Width>(source.find(source.row(row_of(r)), step));
      }
    }
  }

  template <int Pitch>
  __device__ __forceinline__ void put(float (&to)[BK][Pitch]) const {
#pragma unroll
    for (int r = 0; r < kRowPasses; ++r) {
      if (!has_row(r)) continue;
#pragma unroll
      for (int k = 0; k < kStepPasses; ++k) {
#pragma unroll
        for (int l = 0; l < Width; ++l) to[step_of(k) + l][row_of(r)] = value_[r][k][l];
      }
    }
  }

 private:
  static __device__ __forceinline__ int step_of(int pass) {
    return (static_cast<int>(threadIdx.x) % kLanes + pass * kLanes) * Width;
  }
  static __device__ __forceinline__ int row_of(int pass) {
    return static_cast<int>(threadIdx.x) / kLanes + pass * kRowsPerPass;
  }
  static __device__ __forceinline__ bool has_row(int pass) {
    return Rows % kRowsPerPass == 0 || row_of(pass) < Rows;
  }
  Vector<float, Width> value_[kRowPasses][kStepPasses] = {};
};

/// An operand whose neighbours in memory are neighbouring rows of the tile: it is copied as it
/// lies. A thread keeps its row for the whole reduction. Stores are consecutive: no conflict.
template <int Rows, int BK, int Threads, int Width>
class AcrossReduction {
  static constexpr int kLanes = Rows / Width;
  static constexpr int kStepsPerPass = Threads / kLanes;
  static constexpr int kPasses = (BK + kStepsPerPass - 1) / kStepsPerPass;
  static_assert(Rows % Width == 0 && kStepsPerPass >= 1);

 public:
  template <class Source>
  __device__ __forceinline__ void fetch(const Source& source, unsigned first) {
    const auto row = source.row(row_of());
#pragma unroll
    for (int k = 0; k < kPasses; ++k) {
      if (!has_step(k)) continue;
      const auto step = source.step(first + static_cast<unsigned>(step_of(k)));
      value_[k] = load_or_zero<Width>(source.find(row, step));
    }
  }

  template <int Pitch>
  __device__ __forceinline__ void put(float (&to)[BK][Pitch]) const {
#pragma unroll
    for (int k = 0; k < kPasses; ++k) {
      if (has_step(k)) store_vector<Width>(&to[step_of(k)][row_of()], value_[k]);
    }
  }

 private:
  static __device__ __forceinline__ int row_of() {
    return static_cast<int>(threadIdx.x) % kLanes * Width;
  }
  static __device__ __forceinline__ int step_of(int pass) {
    return static_cast<int>(threadIdx.x) / kLanes + pass * kStepsPerPass;
  }
  static __device__ __forceinline__ bool has_step(int pass) {
    if (Threads % kLanes != 0 && static_cast<int>(threadIdx.x) >= kLanes * kStepsPerPass) {
      return false;
    }
    return BK % kStepsPerPass == 0 || step_of(pass) < BK;
  }
  Vector<float, Width> value_[kPasses] = {};
};

}  // namespace fovea::FOVEA_TARGET
