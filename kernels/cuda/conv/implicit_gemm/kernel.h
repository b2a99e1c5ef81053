// kernel.h - implicit_gemm: the one kernel of all three passes and math modes.
// Block  -> BM x BN outputs of one group over one part of the reduction; who has which: tile/simt.h
//           and tile/tensor.h. With stream-K the blocks of the last wave go through segments of
//           tiles, one after the other (tile/stream_k.h), which cut_tiles.h joins.
// Loop   -> tile/pipeline.h: slices of 64 bytes a row, copied by cp.async kStages - 1 slices ahead.
// Reuse  -> a staged element of the left operand serves BN outputs, of the right one BM.
// Limits -> every filter, stride, padding and dilation; groups up to kMaxGroups.
//
// A pass P with its tile is a type with
//   Tile, Left, Right      Gathers; kLeftWidth, kRightWidth of their copies
//   Finish                 what is done with the sums, kSumsRows: and with those of the left rows
#pragma once

#include <fovea/kernels/cuda/conv/implicit_gemm/cut_tiles.h>
#include <fovea/kernels/cuda/conv/implicit_gemm/gather.h>
#include <fovea/kernels/cuda/tile/pipeline.h>
#include <fovea/kernels/cuda/tile/store.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/device/thread.h>

#include <type_traits>

namespace fovea::FOVEA_TARGET {

/// The reduction and the length of its parts, a multiple of kSlice.
struct Reduction {
  unsigned depth = 0, part = 0;
};

/// What a block does before the next barrier for all: one tile, or one segment of it.
struct Step {
  BlockPlace place = {};
  unsigned slice = 0;  // where the next one begins
  bool last = true;
};

__device__ __forceinline__ unsigned smaller(unsigned a, unsigned b) { return b < a ? b : a; }

/// Whether an operand finds its rows in a table in shared memory.
template <class Gather>
inline constexpr bool kHasTable = requires {
  typename Gather::Entry;
};
template <class Gather, int Rows>
struct Table {};
template <class Gather, int Rows>
requires kHasTable<Gather>
struct Table<Gather, Rows> {
  typename Gather::Entry entry[Rows];
};

template <class P>
struct GemmShared {
  typename P::Tile::Stage stage[P::Tile::kStages];
  Table<typename P::Left, P::Tile::BM> pixels;
  float row_sum[P::Finish::kSumsRows ? P::Tile::BM : 1];  // a thread reads and writes its own
  Step step;
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
    Left::template fill<P::Tile::BM, P::Tile::kThreads>(s.pixels.entry, source, block);
    __syncthreads();  // the tile's pixels are visible
    return Left(source, s.pixels.entry, block);
  } else {
    return Left(source, block);
  }
}

/// The segment of the tail at `slice` of the block's range.
template <class P>
__device__ __forceinline__ Step next_step(const Cuts& cuts, const Reduction& reduction,
                                          unsigned slice) {
  constexpr unsigned kIndices = kSliceOf<typename P::Tile::Element>;
  const StreamTail& tail = cuts.tail;
  const unsigned range = blockIdx.x - tail.whole;
  const StreamTail::Segment segment = tail.segment(range, slice);
  Step step{.place = cuts.place(tail.whole + segment.tile)};
  step.place.begin = segment.begin * kIndices;
  step.place.end = smaller(segment.end * kIndices, reduction.depth);
  if (tail.is_cut(segment)) step.place.slot = cuts.slots.slot(tail.slot(range, segment.tile));
  step.slice = slice + segment.end - segment.begin;
  step.last = step.slice == tail.begin(range + 1);
  return step;
}

/// What the block computes first, or all it does: a part of a split, a whole tile.
template <class P>
__device__ __forceinline__ Step first_step(const Cuts& cuts, const Reduction& reduction) {
  const StreamTail& tail = cuts.tail;
  if (tail.blocks > 0 && blockIdx.x >= tail.whole) {
    return next_step<P>(cuts, reduction, tail.begin(blockIdx.x - tail.whole));
  }
  Step step{.place = cuts.place(blockIdx.x)};
  step.place.group += static_cast<int>(blockIdx.y);
  step.place.begin = smaller(blockIdx.z * reduction.part, reduction.depth);
  step.place.end = smaller(step.place.begin + reduction.part, reduction.depth);
  return step;
}

// grid (tiles, groups, parts); with stream-K (whole tiles of all groups and blocks of the tail)
template <class P>
__global__ void __launch_bounds__(P::Tile::kThreads, P::Tile::kBlocks)
    implicit_gemm(const __grid_constant__ typename P::Left::Source left_source,
                  const __grid_constant__ typename P::Right::Source right_source,
                  const __grid_constant__ Cuts cuts, const __grid_constant__ Reduction reduction,
                  const __grid_constant__ typename P::Finish finish) {
  using T = typename P::Tile;
  constexpr unsigned kIndices = kSliceOf<typename T::Element>;
  auto& s = block_shared<GemmShared<P>>();
  if (threadIdx.x == 0) s.step = first_step<P>(cuts, reduction);
  for (;;) {
    __syncthreads();                         // the step is visible
    const BlockPlace& block = s.step.place;  // in shared memory: in registers it would spill
    const auto left = make_left<P>(s, left_source, block);
    const typename P::Right right(right_source, block);
    const auto thread = static_cast<int>(thread_read_anew());
    LeftCopies<P> a(left, block.begin, thread);
    RightCopies<P> b(right, block.begin, thread);

    typename T::Accumulators acc = {};
    const int slices = static_cast<int>((block.end - block.begin + kIndices - 1) / kIndices);
    const bool sums_rows =
        P::Finish::kSumsRows && finish.wants_sums(block) && thread < static_cast<int>(T::BM);
    if (sums_rows) s.row_sum[thread] = 0.0F;
    multiply_slices<T>(s.stage, a, b, slices, thread, acc, [&](const typename T::Stage& stage) {
      if (!sums_rows) return;
      float sum = s.row_sum[thread];
#pragma unroll
      for (int kk = 0; kk < static_cast<int>(kIndices); ++kk) {
        sum += load_float(&stage.a[T::LayoutA::at(thread, kk)]);
      }
      s.row_sum[thread] = sum;
    });

    if (s.step.place.slot == nullptr) {
      finish.template store<T>(s.step.place, acc);
      if constexpr (P::Finish::kSumsRows) {
        if (sums_rows) finish.store_sum(s.step.place, thread, s.row_sum[thread]);
      }
      return;
    }
    cuts.slots.store<T>(s.step.place, acc);
    if (sums_rows) s.step.place.slot[cuts.slots.sum_of_row(thread)] = s.row_sum[thread];
    if (s.step.last) return;
    __syncthreads();  // nobody reads the step, its slices and pixels any more
    if (threadIdx.x == 0) s.step = next_step<P>(cuts, reduction, s.step.slice);
  }
}

/// A pass's problem as the kernel sees it.
template <class P>
struct GemmCall {
  typename P::Left::Source left;
  typename P::Right::Source right;
  std::int64_t rows = 0, columns = 0;  // of a group
  unsigned depth = 0;
  int groups = 1;
  TiledVariant variant;
  void* workspace = nullptr;
  typename P::Finish finish;
};

template <class P>
void run_implicit_gemm(const GemmCall<P>& c, StreamView stream) {
  using T = typename P::Tile;
  static_assert(kSliceOf<typename T::Element> == slice_length(T::kSize.math));
  const TileGrid tiles(c.rows, c.columns, T::BM, T::BN);
  Cuts cuts{.tiles = tiles,
            .group_tiles = FastDivide(tiles.count()),
            .tail = {},
            .slots = Slots::of(c.workspace, c.rows, c.columns, T::kSize)};
  Launch l{.grid = {tiles.count(), static_cast<unsigned>(c.groups),
                    static_cast<unsigned>(c.variant.splits)},
           .block = {T::kThreads},
           .smem = sizeof(GemmShared<P>)};
  if (const int blocks = c.variant.stream_blocks; blocks > 0) {
    const Extents e{.rows = c.rows, .columns = c.columns, .depth = c.depth, .groups = c.groups};
    cuts.tail = stream_tail(e, T::kSize, blocks);
    l.grid = {cuts.tail.whole + cuts.tail.blocks};
  }
  const Reduction reduction{c.depth, static_cast<unsigned>(part_length(c.depth, c.variant.splits))};
  launch(implicit_gemm<P>, l, stream, c.left, c.right, cuts, reduction, c.finish);
  if (cuts.tail.blocks > 0) run_finish_cut_tiles(cuts, c.finish, stream);
}

}  // namespace fovea::FOVEA_TARGET
