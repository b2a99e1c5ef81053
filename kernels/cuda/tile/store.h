// store.h - from a tile's numbers to blocks and back, and its results to global memory.
#pragma once

#include <fovea/kernels/cuda/tile/fast_divide.h>
#include <fovea/kernels/device/element.h>
#include <fovea/kernels/device/launch.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// The tiles of a matrix as one number, columns first: blocks that run together read the same rows
/// of the large left operand, while the small right one stays in L2.
struct TileGrid {
  unsigned row_tiles = 0;
  FastDivide column_tiles;

  TileGrid(std::int64_t rows, std::int64_t columns, int tile_rows, int tile_columns)
      : row_tiles{ceil_div(rows, tile_rows)}, column_tiles{ceil_div(columns, tile_columns)} {}

  unsigned count() const { return row_tiles * column_tiles.divisor(); }
  __device__ __forceinline__ unsigned row_tile(unsigned block) const {
    return column_tiles.quotient(block);
  }
  __device__ __forceinline__ unsigned column_tile(unsigned block) const {
    return column_tiles.remainder(block, column_tiles.quotient(block));
  }
};

/// What a tile's for_each_vector() passes on where nothing is found beforehand.
struct Nothing {};
struct FindNothing {
  __device__ __forceinline__ Nothing operator()(int) const { return {}; }
  __device__ __forceinline__ Nothing operator()(int, int) const { return {}; }
};

/// to[l] = f(v[l], l) for l < min(N, count); in one access if `whole`, which promises that `to` is
/// aligned to N elements.
template <int N, class E, class F>
__device__ __forceinline__ void store_each(E* to, const Vector<float, N>& v, int count, bool whole,
                                           F f) {
  if (whole && count >= N) {
    Vector<float, N> out;
#pragma unroll
    for (int l = 0; l < N; ++l) out[l] = f(v[l], l);
    store_floats<N>(to, out);
    return;
  }
#pragma unroll
  for (int l = 0; l < N; ++l) {
    if (l < count) store_float(to + l, f(v[l], l));
  }
}

}  // namespace fovea::FOVEA_TARGET
