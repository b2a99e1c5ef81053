// kernel.h - implicit_gemm: the one kernel of all three passes and math modes.
// Block  -> BM x BN outputs of one group over one part of the reduction; who has which: tile/simt.h
//           and tile/tensor.h.
// Loop   -> tile/pipeline.h: slices of 64 bytes a row, copied by cp.async kStages - 1 slices ahead.
// Reuse  -> a staged element of the left operand serves BN outputs, of the right one BM.
// Limits -> every filter, stride, padding and dilation; groups up to kMaxGroups.
//
// A pass P with its tile is a type with
//   Tile, Left, Right      Gathers; kLeftWidth, kRightWidth of their copies
//   Finish                 what is done with the sums, kSumsRows: and with those of the left rows
#pragma once

#include <fovea/kernels/cuda/conv/implicit_gemm/gather.h>
#include <fovea/kernels/cuda/tile/pipeline.h>
#include <fovea/kernels/cuda/tile/store.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/shared.h>

#include <type_traits>

namespace fovea::FOVEA_TARGET {

/// The reduction and the length of its parts, a multiple of kSlice.
struct Reduction {
  unsigned depth = 0, part = 0;
};

__device__ __forceinline__ unsigned smaller(unsigned a, unsigned b) { return b < a ? b : a; }

/// Whether an operand finds its rows in a table in shared memory.
template <class Gather>
inline constexpr bool kHasTable = std::is_same_v<Gather, PatchRows<typename Gather::Element>>;

template <class P>
struct GemmShared {
  typename P::Tile::Stage stage[P::Tile::kStages];
  TilePixel pixel[kHasTable<typename P::Left> ? P::Tile::BM : 1];
  float row_sum[P::Finish::kSumsRows ? P::Tile::BM : 1];  // a thread reads and writes its own
};

template <class P>
using LeftCopies =
    Copies<typename P::Tile::LayoutA, P::Tile::kThreads, P::kLeftWidth, typename P::Left>;
template <class P>
using RightCopies =
    Copies<typename P::Tile::LayoutB, P::Tile::kThreads, P::kRightWidth, typename P::Right>;

template <class P>
__device__ __forceinline__ auto make_left(GemmShared<P>& s, const typename P::Left::Source& source,
                                          const BlockPlace& block) {
  using Left = typename P::Left;
  if constexpr (kHasTable<Left>) {
    Left::template fill<P::Tile::BM, P::Tile::kThreads>(s.pixel, source, block);
    __syncthreads();  // the tile's pixels are visible
    return Left(source, s.pixel, block);
  } else {
    return Left(source, block);
  }
}

// grid (tiles, groups, parts)
template <class P>
__global__ void __launch_bounds__(P::Tile::kThreads, P::Tile::kBlocks)
    implicit_gemm(const __grid_constant__ typename P::Left::Source left_source,
                  const __grid_constant__ typename P::Right::Source right_source,
                  const __grid_constant__ TileGrid tiles,
                  const __grid_constant__ Reduction reduction,
                  const __grid_constant__ typename P::Finish finish) {
  using T = typename P::Tile;
  auto& s = block_shared<GemmShared<P>>();
  const unsigned begin = smaller(blockIdx.z * reduction.part, reduction.depth);
  const BlockPlace block{.row = tiles.row_tile(blockIdx.x) * T::BM,
                         .column = tiles.column_tile(blockIdx.x) * T::BN,
                         .group = static_cast<int>(blockIdx.y),
                         .begin = begin,
                         .end = smaller(begin + reduction.part, reduction.depth)};
  const auto left = make_left<P>(s, left_source, block);
  const typename P::Right right(right_source, block);
  LeftCopies<P> a(left, block.begin);
  RightCopies<P> b(right, block.begin);

  typename T::Accumulators acc = {};
  constexpr unsigned kIndices = kSliceOf<typename T::Element>;
  const int slices = static_cast<int>((block.end - block.begin + kIndices - 1) / kIndices);
  const bool sums_rows = P::Finish::kSumsRows && finish.wants_sums(block) &&
                         threadIdx.x < static_cast<unsigned>(T::BM);
  if (sums_rows) s.row_sum[threadIdx.x] = 0.0F;
  multiply_slices<T>(s.stage, a, b, slices, acc, [&](const typename T::Stage& stage) {
    if (!sums_rows) return;
    float sum = s.row_sum[threadIdx.x];
#pragma unroll
    for (int kk = 0; kk < static_cast<int>(kIndices); ++kk) {
      sum += load_float(&stage.a[T::LayoutA::at(static_cast<int>(threadIdx.x), kk)]);
    }
    s.row_sum[threadIdx.x] = sum;
  });
  finish.template store<T>(block, acc);
  if constexpr (P::Finish::kSumsRows) {
    if (sums_rows) finish.store_sum(block, static_cast<int>(threadIdx.x), s.row_sum[threadIdx.x]);
  }
}

/// A pass's problem as the kernel sees it.
template <class P>
struct GemmCall {
  typename P::Left::Source left;
  typename P::Right::Source right;
  std::int64_t rows = 0, columns = 0;  // of a group
  unsigned depth = 0;
  int groups = 1, splits = 1;
  typename P::Finish finish;
};

template <class P>
void run_implicit_gemm(const GemmCall<P>& c, StreamView stream) {
  using T = typename P::Tile;
  const TileGrid tiles(c.rows, c.columns, T::BM, T::BN);
  const Launch l{
      .grid = {tiles.count(), static_cast<unsigned>(c.groups), static_cast<unsigned>(c.splits)},
      .block = {T::kThreads},
      .smem = sizeof(GemmShared<P>)};
  const Reduction reduction{c.depth, static_cast<unsigned>(part_length(c.depth, c.splits))};
  launch(implicit_gemm<P>, l, stream, c.left, c.right, tiles, reduction, c.finish);
}

}  // namespace fovea::FOVEA_TARGET
