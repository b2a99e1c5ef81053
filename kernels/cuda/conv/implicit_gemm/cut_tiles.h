// cut_tiles.h - the sums of tiles that stream-K cuts (tile/stream_k.h): into slots of the
// workspace, and by a second kernel out of them, added in order, to where the pass wants them
// finished. A slot holds a tile's sums, row by row, and behind them those of its left rows.
// finish_cut_tiles: block -> 1024 sums of one cut tile; thread -> four neighbours of all its slots.
// Reuse  -> none: every sum is read once. What lies outside of the matrix is neither written nor
// read.
#pragma once

#include <fovea/kernels/cuda/conv/implicit_gemm/gather.h>
#include <fovea/kernels/cuda/tile/store.h>
#include <fovea/kernels/cuda/tile/stream_k.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/vector.h>

#include <cstddef>

namespace fovea::FOVEA_TARGET {

/// The slots of a launch.
struct Slots {
  float* sums = nullptr;
  unsigned size = 0;               // of one
  unsigned rows = 0, columns = 0;  // of a group's matrix
  unsigned tile_rows = 0, tile_columns = 0;

  static Slots of(void* workspace, std::int64_t rows, std::int64_t columns, const TileSize& tile) {
    return {static_cast<float*>(workspace),   static_cast<unsigned>(slot_floats(tile)),
            static_cast<unsigned>(rows),      static_cast<unsigned>(columns),
            static_cast<unsigned>(tile.rows), static_cast<unsigned>(tile.columns)};
  }
  __device__ __forceinline__ float* slot(unsigned number) const {
    return sums + static_cast<std::size_t>(number) * size;
  }
  __device__ __forceinline__ unsigned sum_of(int row, int column) const {
    return static_cast<unsigned>(row) * tile_columns + static_cast<unsigned>(column);
  }
  __device__ __forceinline__ unsigned sum_of_row(int row) const {
    return tile_rows * tile_columns + static_cast<unsigned>(row);
  }
  /// Whether four neighbours of the tile begin inside of the matrix.
  __device__ __forceinline__ bool inside(const BlockPlace& tile, int row, int column) const {
    return tile.row + static_cast<unsigned>(row) < rows &&
           tile.column + static_cast<unsigned>(column) < columns;
  }

  /// A tile's sums into its slot.
  template <class T>
  __device__ __forceinline__ void store(const BlockPlace& tile,
                                        const typename T::Accumulators& acc) const {
    const auto put = [&](int row, int column, const Vector<float, 4>& sum, Nothing, Nothing) {
      if (inside(tile, row, column)) store_vector<4>(tile.slot + row * T::BN + column, sum);
    };
    T::for_each_vector(acc, FindNothing{}, FindNothing{}, put);
  }
};

/// What a Finish stores, where a thread has four neighbours of the tile.
struct FourSums {
  struct Accumulators {
    int row = 0, column = 0;
    Vector<float, 4> sum = {};
  };
  template <class C, class Find, class F>
  static __device__ __forceinline__ void for_each_vector(const Accumulators& acc, C of_column,
                                                         Find find, F f) {
    f(acc.row, acc.column, acc.sum, of_column(acc.column), find(acc.row, acc.column));
  }
};

inline constexpr int kFinishThreads = 256;

/// How tiles are numbered, group by group, and which of them are cut.
struct Cuts {
  TileGrid tiles;          // of a group
  FastDivide group_tiles;  // their number
  StreamTail tail;
  Slots slots;

  /// Tile `number` of all groups.
  __device__ __forceinline__ BlockPlace place(unsigned number) const {
    const unsigned group = group_tiles.quotient(number);
    const unsigned in_group = group_tiles.remainder(number, group);
    return {.row = tiles.row_tile(in_group) * slots.tile_rows,
            .column = tiles.column_tile(in_group) * slots.tile_columns,
            .group = static_cast<int>(group)};
  }
};

// grid (fours of a tile, tiles of the tail)
template <class Finish>
__global__ void __launch_bounds__(kFinishThreads)
    finish_cut_tiles(const __grid_constant__ Cuts cuts, const __grid_constant__ FastDivide fours,
                     const __grid_constant__ Finish finish) {
  const Slots& slots = cuts.slots;
  const unsigned tile = blockIdx.y, slices = cuts.tail.slices.divisor();
  const unsigned first = cuts.tail.block_of(tile * slices);
  const unsigned last = cuts.tail.block_of((tile + 1) * slices - 1);
  if (first == last) return;  // its block has finished it
  const BlockPlace place = cuts.place(cuts.tail.whole + tile);

  const unsigned four = blockIdx.x * kFinishThreads + threadIdx.x;
  FourSums::Accumulators acc{
      .row = static_cast<int>(fours.quotient(four)),
      .column = static_cast<int>(fours.remainder(four, fours.quotient(four)) * 4)};
  if (acc.row < static_cast<int>(slots.tile_rows) && slots.inside(place, acc.row, acc.column)) {
    for (unsigned block = first; block <= last; ++block) {
      const float* const from = slots.slot(cuts.tail.slot(block, tile));
      const auto part = load_vector<4>(from + slots.sum_of(acc.row, acc.column));
#pragma unroll
      for (int l = 0; l < 4; ++l) acc.sum[l] += part[l];
    }
    finish.template store<FourSums>(place, acc);
  }
  if constexpr (Finish::kSumsRows) {
    if (blockIdx.x != 0 || !finish.wants_sums(place)) return;
    for (int row = static_cast<int>(threadIdx.x); row < static_cast<int>(slots.tile_rows);
         row += kFinishThreads) {
      float sum = 0.0F;
      for (unsigned block = first; block <= last; ++block) {
        sum += slots.slot(cuts.tail.slot(block, tile))[slots.sum_of_row(row)];
      }
      finish.store_sum(place, row, sum);
    }
  }
}

template <class Finish>
void run_finish_cut_tiles(const Cuts& cuts, const Finish& finish, StreamView stream) {
  const FastDivide fours(cuts.slots.tile_columns / 4);
  const Launch l{
      .grid = {ceil_div(fours.divisor() * cuts.slots.tile_rows, kFinishThreads), cuts.tail.tiles},
      .block = {kFinishThreads}};
  launch(finish_cut_tiles<Finish>, l, stream, cuts, fours, finish);
}

}  // namespace fovea::FOVEA_TARGET
