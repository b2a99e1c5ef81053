// finish.h - what becomes of the sums of a tile: bias, activation, mask, accumulation, and where
// the results go. With a split reduction the sums go to the workspace as they are, one matrix a
// part. Results leave in vectors of four wherever the extents allow, and so comes what they are
// joined to.
#pragma once

#include <fovea/kernels/cuda/conv/implicit_gemm/gather.h>
#include <fovea/kernels/cuda/epilogue.h>
#include <fovea/kernels/cuda/tile/store.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// from[l] for l < min(4, count), else 0; in one access if `whole`, as store_each().
__device__ __forceinline__ Vector<float, 4> load_each(const float* from, int count, bool whole) {
  if (whole && count >= 4) return load_vector<4>(from);
  Vector<float, 4> v;
#pragma unroll
  for (int l = 0; l < 4; ++l) v[l] = l < count ? from[l] : 0.0F;
  return v;
}

struct NoColumn {};

/// y[pixels, k] = activation(sum + b).
struct FinishForward {
  static constexpr bool kSumsRows = false;
  float* y;
  std::int64_t part;  // elements from part to part
  unsigned pixels;    // of all images
  int group_filters, filters;
  bool vectors;              // accesses of vectors are aligned
  ForwardEpilogue epilogue;  // without tanh

  template <class T>
  __device__ __forceinline__ void store(const BlockPlace& block,
                                        const typename T::Accumulators& acc) const {
    float* const out = y + blockIdx.z * part;
    const int tile_filter = static_cast<int>(block.column);
    const int first = block.group * group_filters + tile_filter;
    const int left = group_filters - tile_filter;
    T::for_each_vector(
        acc,
        [&](int column) {
          if (epilogue.bias == nullptr) return Vector<float, 4>{};
          return load_each(epilogue.bias + first + column, left - column, false);
        },
        [&](int row, int column, const auto& sum, const Vector<float, 4>& bias) {
          const unsigned pixel = block.row + static_cast<unsigned>(row);
          if (pixel >= pixels) return;
          float* const to = out + std::int64_t{pixel} * filters + first + column;
          store_each(to, sum, left - column, vectors, [&](float v, int l) {
            v += bias[l];
            return epilogue.relu && v <= 0.0F ? 0.0F : v;  // NaN stays NaN
          });
        });
  }
  __device__ __forceinline__ bool wants_sums(const BlockPlace&) const { return false; }
};

/// The cells of one phase of dx[n,h,w,c] = old + masked sum.
struct FinishDgrad {
  static constexpr bool kSumsRows = false;
  float* dx;
  std::int64_t part;                   // elements from part to part
  FastDivide grid_columns, grid_rows;  // of the phase
  unsigned cells;                      // of all images
  int height, width, channels, group_channels;
  int first_row, first_column, row_step, column_step;
  bool vectors;  // accesses of vectors are aligned
  DgradEpilogue epilogue;

  template <class T>
  __device__ __forceinline__ void store(const BlockPlace& block,
                                        const typename T::Accumulators& acc) const {
    float* const out = dx + blockIdx.z * part;
    const int tile_channel = static_cast<int>(block.column);
    const int first = block.group * group_channels + tile_channel;
    const int left = group_channels - tile_channel;
    T::for_each_vector(
        acc, [](int) { return NoColumn{}; },
        [&](int row, int column, const auto& sum, const NoColumn&) {
          const unsigned cell = block.row + static_cast<unsigned>(row);
          if (cell >= cells) return;
          const std::int64_t at = pixel_of(cell) * channels + first + column;
          const int count = left - column;
          Vector<float, 4> mask, old;
          if (epilogue.mask != nullptr) mask = load_each(epilogue.mask + at, count, vectors);
          if (epilogue.accumulate) old = load_each(out + at, count, vectors);
          store_each(out + at, sum, count, vectors, [&](float v, int l) {
            if (epilogue.mask != nullptr && !(mask[l] > 0.0F)) v = 0.0F;
            return epilogue.accumulate ? old[l] + v : v;
          });
        });
  }
  __device__ __forceinline__ bool wants_sums(const BlockPlace&) const { return false; }

 private:
  __device__ __forceinline__ std::int64_t pixel_of(unsigned cell) const {
    const unsigned row = grid_columns.quotient(cell);
    const unsigned image = grid_rows.quotient(row);
    const int i = static_cast<int>(grid_rows.remainder(row, image)) * row_step + first_row;
    const int j = static_cast<int>(grid_columns.remainder(cell, row)) * column_step + first_column;
    return (std::int64_t{image} * height + i) * width + j;
  }
};

/// dw[k, taps and channels] = old + sum; db[k] = old + sum of dy.
struct FinishWgrad {
  static constexpr bool kSumsRows = true;
  float *dw, *db;                 // db: nullptr where it is not wanted
  std::int64_t dw_part, db_part;  // elements from part to part
  int group_filters;
  unsigned filter_size;
  bool accumulate, vectors;  // accesses of vectors are aligned

  template <class T>
  __device__ __forceinline__ void store(const BlockPlace& block,
                                        const typename T::Accumulators& acc) const {
    const int tile_filter = static_cast<int>(block.row);
    float* const out = dw + blockIdx.z * dw_part +
                       std::int64_t{block.group * group_filters + tile_filter} * filter_size +
                       block.column;
    const int left = static_cast<int>(filter_size - block.column);
    T::for_each_vector(
        acc, [](int) { return NoColumn{}; },
        [&](int row, int column, const auto& sum, const NoColumn&) {
          if (tile_filter + row >= group_filters) return;
          float* const to = out + std::int64_t{row} * filter_size + column;
          const int count = left - column;
          Vector<float, 4> old;
          if (accumulate) old = load_each(to, count, vectors);
          store_each(to, sum, count, vectors,
                     [&](float v, int l) { return accumulate ? old[l] + v : v; });
        });
  }
  /// The blocks of the first weights see all of dy.
  __device__ __forceinline__ bool wants_sums(const BlockPlace& block) const {
    return db != nullptr && block.column == 0;
  }
  __device__ __forceinline__ void store_sum(const BlockPlace& block, int row, float sum) const {
    const int filter = static_cast<int>(block.row) + row;
    if (filter >= group_filters) return;
    float& to = db[blockIdx.z * db_part + block.group * group_filters + filter];
    to = accumulate ? to + sum : sum;
  }
};

}  // namespace fovea::FOVEA_TARGET
