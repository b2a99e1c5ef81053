// tensor.h - C[BM,BN] += A B from slices in shared memory by tensor cores: a warp has WM x WN
// outputs, in pieces of 16 x 16. simt.h is the same by multiply-adds.
//
//            16 columns of B                     lane: g = lane / 4, t = lane % 4
//            +-----+-----+
//            | n=0 | n=1 |  8 each, interleaved: column 2g + n
//   +-----+  +-----+-----+
//   |16   |  |  lane has |   rows 2g, 2g + 1
//   |rows |  |  2 x 4    |   columns 4t .. 4t + 3: results leave in 16 bytes
//   +-----+  +-----------+
//
// The order of rows in a matrix of the tensor core is ours to choose, and so is the order of the
// reduction, if both operands agree. Row i of half h is row 2i + h of the piece. A slice is two
// steps. Register m of a lane holds
//   tf32   index 4m + t of the slice; steps are m = 0, 1 and m = 2, 3
//   bf16   indices 8m + 2t and 8m + 2t + 1; steps likewise
// which is what one ldmatrix of a row's four chunks gives. Where the operand lies across, tf32
// reads 8 bytes for each m. bf16 has ldmatrix transpose, which makes row i of half h row 8h + i of
// the piece; where that is B, lanes t and t ^ 1 exchange results, and a lane has the columns 8 (t %
// 2) + 4 (t / 2) .. + 3.
//
// tf32: slices are fp32, and operands are rounded on their way from shared memory into registers,
// to nearest, ties away. Sums are fp32.
#pragma once

#include <fovea/kernels/cuda/tile/slice.h>
#include <fovea/kernels/device/mma.h>
#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/device/thread.h>
#include <fovea/kernels/device/vector.h>

#include <bit>
#include <cstdint>
#include <type_traits>

namespace fovea::FOVEA_TARGET {

/// A lane's part of 8 rows of a slice.
using Fragment = std::uint32_t[4];

/// d[16,8] += a[16,8] b[8,8].
struct Tf32Math {
  static constexpr Math kMath = Math::tf32;
  using Element = float;
  static __device__ __forceinline__ std::uint32_t operand(std::uint32_t bits) {
    return to_tf32(std::bit_cast<float>(bits));
  }
  static __device__ __forceinline__ void multiply(MmaBatch& batch, float (&d)[4],
                                                  const std::uint32_t (&a)[4],
                                                  const std::uint32_t (&b)[2]) {
    batch.m16n8k8(d, a, b);
  }
};

/// d[16,8] += a[16,16] b[16,8].
struct Bf16Math {
  static constexpr Math kMath = Math::bf16;
  using Element = bf16;
  static __device__ __forceinline__ std::uint32_t operand(std::uint32_t bits) { return bits; }
  static __device__ __forceinline__ void multiply(MmaBatch& batch, float (&d)[4],
                                                  const std::uint32_t (&a)[4],
                                                  const std::uint32_t (&b)[2]) {
    batch.m16n8k16(d, a, b);
  }
};

/// Stages: slices in shared memory at once. Blocks: how many an SM is to hold; bounds registers.
template <class MathOf, int BM_, int BN_, int WM, int WN, int Stages, int Blocks, Order OrderA,
          Order OrderB>
struct TensorTile {
  static constexpr int BM = BM_, BN = BN_;
  static constexpr int kWarpColumns = BN / WN;
  static constexpr int kThreads = BM / WM * kWarpColumns * 32;
  static constexpr int kStages = Stages, kBlocks = Blocks;
  static_assert(BM % WM == 0 && BN % WN == 0 && WM % 16 == 0 && WN % 16 == 0);

  using Element = typename MathOf::Element;
  using LayoutA = SliceLayout<OrderA, BM, 1, Element>;
  using LayoutB = SliceLayout<OrderB, BN, 1, Element>;
  struct Stage {
    alignas(128) Element a[BM * kSliceOf<Element>];
    alignas(128) Element b[BN * kSliceOf<Element>];
  };
  using Accumulators = float[WM / 16][WN / 16][2][4];  // [piece row][piece column][n][d]

  static constexpr TileSize kSize{.rows = BM,
                                  .columns = BN,
                                  .thread_rows = WM,
                                  .thread_columns = WN,
                                  .shared_bytes = Stages * sizeof(Stage),
                                  .math = MathOf::kMath};

  /// acc += the product of the slices.
  static __device__ __forceinline__ void multiply(const Stage& s, Accumulators& acc, int thread) {
    std::uint32_t a[WM / 16][kSteps][4];
#pragma unroll
    for (int i = 0; i < WM / 16; ++i) {
      Fragment half[2];
      read<LayoutA>(s.a, first_row(thread) + 16 * i, thread % 32, half);
#pragma unroll
      for (int m = 0; m < 4; ++m) {
#pragma unroll
        for (int h = 0; h < 2; ++h) a[i][m / 2][m % 2 * 2 + h] = MathOf::operand(half[h][m]);
      }
    }
    MmaBatch batch;
#pragma unroll
    for (int j = 0; j < WN / 16; ++j) {
      Fragment half[2];
      read<LayoutB>(s.b, first_column(thread) + 16 * j, thread % 32, half);
#pragma unroll
      for (int n = 0; n < 2; ++n) {
#pragma unroll
        for (int step = 0; step < kSteps; ++step) {
          const std::uint32_t b[2] = {MathOf::operand(half[n][2 * step]),
                                      MathOf::operand(half[n][2 * step + 1])};
#pragma unroll
          for (int i = 0; i < WM / 16; ++i) MathOf::multiply(batch, acc[i][j][n], a[i][step], b);
        }
      }
    }
    batch.finish();
  }

  /// f(row, column, values, c) for each vector of four neighbouring outputs of this thread, where
  /// c = of_column(column), called once a column. All threads call.
  template <class C, class F>
  static __device__ __forceinline__ void for_each_vector(const Accumulators& acc, C of_column,
                                                         F f) {
    const auto thread = static_cast<int>(thread_read_anew());
    const int lane = thread % 32;
#pragma unroll
    for (int j = 0; j < WN / 16; ++j) {
      const int column = first_column(thread) + 16 * j + first_of_four(lane);
      const auto c = of_column(column);
#pragma unroll
      for (int i = 0; i < WM / 16; ++i) {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int row = kInTurns<LayoutA> ? lane / 4 * 2 + h : lane / 4 + 8 * h;
          f(first_row(thread) + 16 * i + row, column, four(acc[i][j], h, lane), c);
        }
      }
    }
  }

 private:
  static __device__ __forceinline__ int first_row(int thread) {
    return thread / 32 / kWarpColumns * WM;
  }
  static __device__ __forceinline__ int first_column(int thread) {
    return thread / 32 % kWarpColumns * WN;
  }
  static constexpr int kSteps = 2;
  // Whether the rows of the two halves take turns, or one half lies behind the other.
  template <class Layout>
  static constexpr bool kInTurns = Layout::kOrder == Order::along || std::is_same_v<Element, float>;

  // The first of a lane's four columns in a piece.
  static __device__ __forceinline__ int first_of_four(int lane) {
    const int t = lane % 4;
    return kInTurns<LayoutB> ? t * 4 : t % 2 * 8 + t / 2 * 4;
  }
  // Their values in half h of the piece's rows; d[n][2 h + e] is number 2 t + e of matrix n.
  static __device__ __forceinline__ Vector<float, 4> four(const float (&d)[2][4], int h, int lane) {
    Vector<float, 4> v;
    if constexpr (kInTurns<LayoutB>) {  // column 2 (2 t + e) + n
#pragma unroll
      for (int l = 0; l < 4; ++l) v[l] = d[l % 2][2 * h + l / 2];
    } else {  // column 8 n + 2 t + e: an even lane keeps those of matrix 0, an odd one of matrix 1
      const bool odd = lane % 2 != 0;
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const float first = d[0][2 * h + e], second = d[1][2 * h + e];
        const float other = __shfl_xor_sync(kAllLanes, odd ? first : second, 1);
        v[e] = odd ? other : first;
        v[2 + e] = odd ? second : other;
      }
    }
    return v;
  }
  // half[h][m]: register m of a lane for half h of 16 rows.
  template <class Layout>
  static __device__ __forceinline__ void read(const Element* slice, int first, int lane,
                                              Fragment (&half)[2]) {
    constexpr int kChunk = kPerAccess<Element>;
    // Lane 8 m + i names row i of matrix m.
    const int i = lane % 8, m = lane / 8;
    if constexpr (Layout::kOrder == Order::along) {  // matrix m: chunk m of a row
      const void* const rows[2] = {slice + Layout::at(first + 2 * i, m * kChunk),
                                   slice + Layout::at(first + 2 * i + 1, m * kChunk)};
      ldmatrices(half, rows);
    } else if constexpr (std::is_same_v<Element, bf16>) {  // matrix m: a chunk of 8 indices
      const void* const rows[2] = {slice + Layout::at(first, 8 * m + i),
                                   slice + Layout::at(first + 8, 8 * m + i)};
      ldmatrices<true>(half, rows);
    } else {
#pragma unroll
      for (int n = 0; n < 4; ++n) {
        const auto v = load_vector<2>(slice + Layout::at(first + lane / 4 * 2, 4 * n + lane % 4));
        half[0][n] = std::bit_cast<std::uint32_t>(v[0]);
        half[1][n] = std::bit_cast<std::uint32_t>(v[1]);
      }
    }
  }
};

}  // namespace fovea::FOVEA_TARGET
