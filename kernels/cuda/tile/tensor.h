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
// steps of two chunks each; of chunk c a lane holds
//   tf32   index 4c + t of the slice
//   bf16   indices 8c + 2t and 8c + 2t + 1
// for both halves: the four registers that a product takes, and that one ldmatrix of two halves by
// two chunks gives, in the order of A or of B. Where the operand lies across, tf32 reads 8 bytes
// for each chunk. bf16 has ldmatrix transpose, which makes row i of half h row 8h + i of the piece;
// where that is B, lanes t and t ^ 1 exchange results, and a lane has the columns 8 (t % 2) + 4 (t
// / 2) .. + 3.
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

  /// A lane's registers of both operands for one step: those of 16 rows in the tensor core's order,
  /// so that none is moved between ldmatrix and product.
  struct Fragments {
    std::uint32_t a[WM / 16][4];
    std::uint32_t b[WN / 16][4];
  };
  static constexpr int kSteps = 2;  // of a slice
  /// Whether a step's fragments are read before the step before is multiplied, or a slice's left
  /// ones at once, then the right ones piece by piece. Measured (docs/kernels/implicit_gemm.md):
  /// the former pays in tf32, whose operands are rounded first; where both lie across, their places
  /// in shared memory take the registers for it.
  static constexpr bool kReadsAhead =
      std::is_same_v<Element, float> && (OrderA == Order::along || OrderB == Order::along);

  /// Reads the fragments of a step of the slice.
  static __device__ __forceinline__ void read(const Stage& s, int step, int thread, Fragments& f) {
    read_operand<LayoutA, Operand::a>(s.a, first_row(thread), thread % 32, step, f.a);
    read_operand<LayoutB, Operand::b>(s.b, first_column(thread), thread % 32, step, f.b);
  }
  /// acc += their product.
  static __device__ __forceinline__ void multiply(Fragments& f, Accumulators& acc) {
    MmaBatch batch;
    round(f.a);
#pragma unroll
    for (int j = 0; j < WN / 16; ++j) multiply_piece(batch, f.a, f.b[j], acc, j);
    batch.finish();
  }
  /// acc += the product of a slice. meanwhile(part, parts) is called for each part between the
  /// products: what it starts flies beside them.
  template <class Meanwhile>
  static __device__ __forceinline__ void multiply(const Stage& s, Accumulators& acc, int thread,
                                                  Meanwhile meanwhile) {
    constexpr int kParts = WN / 16;
    const int row = first_row(thread), column = first_column(thread), lane = thread % 32;
    std::uint32_t a[kSteps][WM / 16][4], b[kParts][kSteps][1][4];
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      read_operand<LayoutA, Operand::a>(s.a, row, lane, step, a[step]);
      read_operand<LayoutB, Operand::b>(s.b, column, lane, step, b[0][step]);
    }
#pragma unroll
    for (int step = 0; step < kSteps; ++step) round(a[step]);
    MmaBatch batch;
#pragma unroll
    for (int j = 0; j < kParts; ++j) {
#pragma unroll
      for (int step = 0; step < kSteps && j + 1 < kParts; ++step) {
        read_operand<LayoutB, Operand::b>(s.b, column + 16 * (j + 1), lane, step, b[j + 1][step]);
      }
      meanwhile(j, kParts);
#pragma unroll
      for (int step = 0; step < kSteps; ++step) {
        multiply_piece(batch, a[step], b[j][step][0], acc, j);
      }
    }
    batch.finish();
  }

  /// f(row, column, values, c) for each vector of four neighbouring outputs of this thread, where
  /// c = of_column(column), called once a column. All threads call. A loop over pieces side by
  /// side, which come to the front one after the other: with all of them in a row the code of a
  /// long f is so much that reading it takes longer than what it does.
  template <class C, class F>
  static __device__ __forceinline__ void for_each_vector(const Accumulators& acc, C of_column,
                                                         F f) {
    const auto thread = static_cast<int>(thread_read_anew());
    const int lane = thread % 32;
    float piece[WM / 16][WN / 16][2][4];
    copy_pieces(acc, piece, 0);
#pragma unroll 1
    for (int j = 0; j < WN / 16; ++j) {
      const int column = first_column(thread) + 16 * j + first_of_four(lane);
      const auto c = of_column(column);
#pragma unroll
      for (int i = 0; i < WM / 16; ++i) {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          const int row = kInTurns<LayoutA> ? lane / 4 * 2 + h : lane / 4 + 8 * h;
          f(first_row(thread) + 16 * i + row, column, four(piece[i][0], h, lane), c);
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

  enum class Operand { a, b };

  // Register r of 16 rows: half and chunk, of the two that a step has, that it comes from.
  template <Operand O>
  static __device__ __forceinline__ int half_of(int r) {
    return O == Operand::a ? r % 2 : r / 2;
  }
  template <Operand O>
  static __device__ __forceinline__ int chunk_of(int r) {
    return O == Operand::a ? r / 2 : r % 2;
  }
  template <class Layout, Operand O, int N>
  static __device__ __forceinline__ void read_operand(const Element* slice, int first, int lane,
                                                      int step, std::uint32_t (&to)[N][4]) {
    if constexpr (Layout::kOrder == Order::across && std::is_same_v<Element, float>) {
#pragma unroll
      for (int i = 0; i < N; ++i) {
#pragma unroll
        for (int chunk = 0; chunk < 2; ++chunk) {
          const auto v = load_vector<2>(
              slice + Layout::at(first + 16 * i + lane / 4 * 2, 4 * (2 * step + chunk) + lane % 4));
#pragma unroll
          for (int h = 0; h < 2; ++h) {
            to[i][O == Operand::a ? 2 * chunk + h : 2 * h + chunk] =
                std::bit_cast<std::uint32_t>(v[h]);
          }
        }
      }
    } else {  // lane 8 m + i names row i of matrix m
      const int h = half_of<O>(lane / 8), chunk = 2 * step + chunk_of<O>(lane / 8);
      const void* rows[N];
#pragma unroll
      for (int i = 0; i < N; ++i) {
        rows[i] = slice + place<Layout>(first + 16 * i, h, chunk, lane % 8);
      }
      ldmatrices<Layout::kOrder == Order::across>(to, rows);
    }
  }
  // Where row i of the matrix lies that holds half h and chunk c of 16 rows.
  template <class Layout>
  static __device__ __forceinline__ int place(int first, int h, int c, int i) {
    constexpr int kChunk = kPerAccess<Element>;
    if constexpr (Layout::kOrder == Order::along) return Layout::at(first + 2 * i + h, c * kChunk);
    return Layout::at(first + 8 * h, 8 * c + i);
  }
};

}  // namespace fovea::FOVEA_TARGET
