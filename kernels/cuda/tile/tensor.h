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
// fragment_reader.h says which rows and indices those are. Where B is read by ldmatrix transpose
// (bf16, across), its columns are not interleaved: lanes t and t ^ 1 exchange results, and a lane
// has the columns 8 (t % 2) + 4 (t / 2) .. + 3.
//
// tf32: slices are fp32, and operands are rounded on their way from shared memory into registers,
// to nearest, ties away. Sums are fp32.
#pragma once

#include <fovea/kernels/cuda/tile/fragment_reader.h>
#include <fovea/kernels/cuda/tile/slice.h>
#include <fovea/kernels/device/mma.h>
#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/device/thread.h>
#include <fovea/kernels/device/vector.h>

#include <bit>
#include <cstdint>
#include <type_traits>

namespace fovea::FOVEA_TARGET {

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

  /// Two slices, as the first one is multiplied.
  struct Slices {
    const Stage& now;
    const Stage& next;
  };

  /// A warp's way through its slices. Products wait for no read: while those of a piece of 16
  /// columns are under way, the columns of a piece behind it are read, and a share of the next
  /// step's rows; in the second step those of the next slice.
  class Warp {
   public:
    explicit __device__ __forceinline__ Warp(int thread)
        : read_a_(first_row(thread), thread % 32), read_b_(first_column(thread), thread % 32) {}
    /// Reads what the first products of a slice take.
    __device__ __forceinline__ void begin(const Stage& s) {
#pragma unroll
      for (int i = 0; i < WM / 16; ++i) read_a_.read(s.a, 0, i, a_[0][i]);
#pragma unroll
      for (int j = 0; j < kAhead; ++j) read_b_.read(s.b, 0, j, b_[j]);
    }
    static constexpr int kPieces = WN / 16;
    /// acc += the product of step `step` of two. meanwhile(j) is called for each piece, between the
    /// products: what it starts flies beside them.
    template <class Meanwhile>
    __device__ __forceinline__ void multiply(int step, const Slices& s, MmaBatch& batch,
                                             Accumulators& acc, Meanwhile meanwhile) {
      const Stage& of_next_step = step == 0 ? s.now : s.next;
      round(a_[step]);
#pragma unroll
      for (int j = 0; j < kPieces; ++j) {
        const int piece = step * kPieces + j;
        std::uint32_t(&next_b)[4] = b_[(piece + kAhead) % kKept];
        if (j + kAhead < kPieces) {
          read_b_.read(s.now.b, step, j + kAhead, next_b);
        } else {
          read_b_.read(of_next_step.b, 1 - step, j + kAhead - kPieces, next_b);
        }
#pragma unroll
        for (int i = 0; i < WM / 16; ++i) {
          if (i * (kPieces + 1 - kAhead) / (WM / 16) != j) continue;
          read_a_.read(of_next_step.a, 1 - step, i, a_[1 - step][i]);
        }
        meanwhile(j);
        multiply_piece(batch, a_[step], b_[piece % kKept], acc, j);
      }
    }

   private:
    FragmentReader<LayoutA, Operand::a, WM / 16> read_a_;
    FragmentReader<LayoutB, Operand::b, WN / 16> read_b_;
    // Pieces from a product to the reads beside it: with four pieces a step two, and rows are there
    // a piece before they are taken; where A lies across that costs more than it gives.
    static constexpr int kAhead = OrderA == Order::along && kPieces >= 4 ? 2 : 1;
    static constexpr int kKept = 2 * kAhead;  // divides the pieces of a slice
    // Registers in the tensor core's order, so that none is moved between ldmatrix and product: the
    // left ones of a slice's two steps, the right ones of pieces in turn.
    std::uint32_t a_[2][WM / 16][4];
    std::uint32_t b_[kKept][4];
  };

  /// f(row, column, values, c, found) for each vector of four neighbouring outputs of this thread,
  /// where c = of_column(column), called once a column, and found = find(row, column), called for
  /// those of a piece's columns before any f, so that what they read flies together. All threads
  /// call. A loop over pieces side by side, which come to the front one after the other: with all
  /// of them in a row the code of a long f is so much that reading it takes longer than what it
  /// does.
  template <class C, class Find, class F>
  static __device__ __forceinline__ void for_each_vector(const Accumulators& acc, C of_column,
                                                         Find find, F f) {
    const auto thread = static_cast<int>(thread_read_anew());
    const int lane = thread % 32;
    const auto row = [&](int i, int h) {
      return first_row(thread) + 16 * i + (kInTurns<LayoutA> ? lane / 4 * 2 + h : lane / 4 + 8 * h);
    };
    float piece[WM / 16][WN / 16][2][4];
    copy_pieces(acc, piece, 0);
#pragma unroll 1
    for (int j = 0; j < WN / 16; ++j) {
      const int column = first_column(thread) + 16 * j + first_of_four(lane);
      const auto c = of_column(column);
      decltype(find(0, 0)) found[WM / 16][2];
#pragma unroll
      for (int i = 0; i < WM / 16; ++i) {
#pragma unroll
        for (int h = 0; h < 2; ++h) found[i][h] = find(row(i, h), column);
      }
#pragma unroll
      for (int i = 0; i < WM / 16; ++i) {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          f(row(i, h), column, four(piece[i][0], h, lane), c, found[i][h]);
        }
      }
      copy_pieces(piece, piece, 1);
    }
  }

 private:
  static __device__ __forceinline__ int first_row(int thread) {
    return thread / 32 / kWarpColumns * WM;
  }
  static __device__ __forceinline__ int first_column(int thread) {
    return thread / 32 % kWarpColumns * WN;
  }
  // to = from, `by` pieces further on.
  static __device__ __forceinline__ void copy_pieces(const Accumulators& from, Accumulators& to,
                                                     int by) {
#pragma unroll
    for (int i = 0; i < WM / 16; ++i) {
#pragma unroll
      for (int j = 0; j < WN / 16; ++j) {
        if (j + by >= WN / 16) continue;
#pragma unroll
        for (int l = 0; l < 8; ++l) to[i][j][l / 4][l % 4] = from[i][j + by][l / 4][l % 4];
      }
    }
  }
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
  template <int N>
  static __device__ __forceinline__ void round(std::uint32_t (&a)[N][4]) {
#pragma unroll
    for (int i = 0; i < N; ++i) {
#pragma unroll
      for (int r = 0; r < 4; ++r) a[i][r] = MathOf::operand(a[i][r]);
    }
  }
  // The products of all rows with 16 columns.
  static __device__ __forceinline__ void multiply_piece(MmaBatch& batch,
                                                        const std::uint32_t (&a)[WM / 16][4],
                                                        const std::uint32_t (&b)[4],
                                                        Accumulators& acc, int j) {
#pragma unroll
    for (int n = 0; n < 2; ++n) {
      const std::uint32_t half[2] = {MathOf::operand(b[2 * n]), MathOf::operand(b[2 * n + 1])};
#pragma unroll
      for (int i = 0; i < WM / 16; ++i) MathOf::multiply(batch, acc[i][j][n], a[i], half);
    }
  }
};

}  // namespace fovea::FOVEA_TARGET
