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
// reduction, if both operands agree. Row i of half h is row 2i + h of the piece. Element j of a
// lane is index 4j + t of the slice: what one ldmatrix of four chunks gives, and what four reads of
// 8 bytes give where the operand lies across. tf32 takes j = 0, 1 as its first k8 and j = 2, 3 as
// its second; bf16 pairs them up and takes all sixteen at once.
//
// Slices are fp32, and operands are rounded on their way from shared memory into registers: tf32 to
// nearest, ties away; bf16 to nearest, ties to even. Sums are fp32.
#pragma once

#include <fovea/kernels/cuda/tile/slice.h>
#include <fovea/kernels/device/mma.h>
#include <fovea/kernels/device/vector.h>

#include <bit>
#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// A lane's part of 8 rows: element j is index 4 j + t of the slice.
using Fragment = float[4];

/// d[16,8] += a[16,16] b[16,8] in two steps of 8.
struct Tf32Math {
  static constexpr Math kMath = Math::tf32;
  struct A {
    std::uint32_t r[2][4];
  };
  struct B {
    std::uint32_t r[2][2];
  };
  static __device__ __forceinline__ A left(const Fragment (&half)[2]) {
    A a;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
#pragma unroll
      for (int h = 0; h < 2; ++h) a.r[j / 2][j % 2 * 2 + h] = to_tf32(half[h][j]);
    }
    return a;
  }
  static __device__ __forceinline__ B right(const Fragment& f) {
    B b;
#pragma unroll
    for (int j = 0; j < 4; ++j) b.r[j / 2][j % 2] = to_tf32(f[j]);
    return b;
  }
  static __device__ __forceinline__ void multiply(MmaBatch& batch, float (&d)[4], const A& a,
                                                  const B& b) {
    batch.m16n8k8(d, a.r[0], b.r[0]);
    batch.m16n8k8(d, a.r[1], b.r[1]);
  }
};

/// d[16,8] += a[16,16] b[16,8] in one step.
struct Bf16Math {
  static constexpr Math kMath = Math::bf16;
  struct A {
    std::uint32_t r[4];
  };
  struct B {
    std::uint32_t r[2];
  };
  static __device__ __forceinline__ A left(const Fragment (&half)[2]) {
    return {{to_bf16x2(half[0][0], half[0][1]), to_bf16x2(half[1][0], half[1][1]),
             to_bf16x2(half[0][2], half[0][3]), to_bf16x2(half[1][2], half[1][3])}};
  }
  static __device__ __forceinline__ B right(const Fragment& f) {
    return {{to_bf16x2(f[0], f[1]), to_bf16x2(f[2], f[3])}};
  }
  static __device__ __forceinline__ void multiply(MmaBatch& batch, float (&d)[4], const A& a,
                                                  const B& b) {
    batch.m16n8k16(d, a.r, b.r);
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

  using Element = float;
  using LayoutA = SliceLayout<OrderA, BM, 1>;
  using LayoutB = SliceLayout<OrderB, BN, 1>;
  struct Stage {
    alignas(128) float a[BM * kSlice];
    alignas(128) float b[BN * kSlice];
  };
  using Accumulators = float[WM / 16][WN / 16][2][4];  // [piece row][piece column][n][d]

  static constexpr TileSize kSize{.rows = BM,
                                  .columns = BN,
                                  .thread_rows = WM,
                                  .thread_columns = WN,
                                  .shared_bytes = Stages * sizeof(Stage),
                                  .math = MathOf::kMath};

  /// acc += the product of the slices.
  static __device__ __forceinline__ void multiply(const Stage& s, Accumulators& acc) {
    typename MathOf::A a[WM / 16];
#pragma unroll
    for (int i = 0; i < WM / 16; ++i) {
      Fragment half[2];
      read<LayoutA>(s.a, first_row() + 16 * i, half);
      a[i] = MathOf::left(half);
    }
    MmaBatch batch;
#pragma unroll
    for (int j = 0; j < WN / 16; ++j) {
      Fragment half[2];
      read<LayoutB>(s.b, first_column() + 16 * j, half);
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        const auto b = MathOf::right(half[n]);
#pragma unroll
        for (int i = 0; i < WM / 16; ++i) MathOf::multiply(batch, acc[i][j][n], a[i], b);
      }
    }
    batch.finish();
  }

  /// f(row, column, values, c) for each vector of four neighbouring outputs of this thread, where
  /// c = of_column(column), called once a column.
  template <class C, class F>
  static __device__ __forceinline__ void for_each_vector(const Accumulators& acc, C of_column,
                                                         F f) {
#pragma unroll
    for (int j = 0; j < WN / 16; ++j) {
      const int column = first_column() + 16 * j + lane() % 4 * 4;
      const auto c = of_column(column);
#pragma unroll
      for (int i = 0; i < WM / 16; ++i) {
#pragma unroll
        for (int h = 0; h < 2; ++h) {
          // d[2 h + e] of matrix n is column 2 (2 t + e) + n.
          Vector<float, 4> v;
#pragma unroll
          for (int l = 0; l < 4; ++l) v[l] = acc[i][j][l % 2][2 * h + l / 2];
          f(first_row() + 16 * i + lane() / 4 * 2 + h, column, v, c);
        }
      }
    }
  }

 private:
  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % 32; }
  static __device__ __forceinline__ int first_row() {
    return static_cast<int>(threadIdx.x) / 32 / kWarpColumns * WM;
  }
  static __device__ __forceinline__ int first_column() {
    return static_cast<int>(threadIdx.x) / 32 % kWarpColumns * WN;
  }
  // half[h][j] = element (first + 2 g + h, 4 j + t).
  template <class Layout>
  static __device__ __forceinline__ void read(const float* slice, int first, Fragment (&half)[2]) {
    if constexpr (Layout::kOrder == Order::along) {
      // Lane 8 m + i names row i of matrix m: chunk m of a row.
      const void* const rows[2] = {slice + Layout::at(first + lane() % 8 * 2, lane() / 8 * 4),
                                   slice + Layout::at(first + lane() % 8 * 2 + 1, lane() / 8 * 4)};
      std::uint32_t r[2][4];
      ldmatrix(r, rows);
#pragma unroll
      for (int h = 0; h < 2; ++h) {
#pragma unroll
        for (int j = 0; j < 4; ++j) half[h][j] = std::bit_cast<float>(r[h][j]);
      }
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const auto v =
            load_vector<2>(slice + Layout::at(first + lane() / 4 * 2, 4 * j + lane() % 4));
        half[0][j] = v[0];
        half[1][j] = v[1];
      }
    }
  }
};

}  // namespace fovea::FOVEA_TARGET
