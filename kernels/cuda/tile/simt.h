// simt.h - C[BM,BN] += A B from slices in shared memory by fp32 multiply-adds: TM x TN outputs a
// thread, 4 x 8 threads a warp. tensor.h is the same by tensor cores.
//
// A thread's rows come in vectors of four neighbours with the other threads' between them. It takes
// four indices of the reduction at a time: along, a vector of them for each row; across, a vector
// of rows for each index.
//
// Registers lie in two banks, even and odd, and a bank gives a warp's instruction one operand a
// cycle. A multiply-add takes three, so that one of each cycle can only start where one operand is
// held over from the one before and the other two are of different banks. Hence one operand is held
// while all of the other, streamed, go by, forth and back. ptxas sees to the banks if it may:
// vector i of an operand that lies across has row i % 2 in bank i % 2, so it is the one that is
// streamed; and outputs are free to lie anywhere until they leave (moved()).
#pragma once

#include <fovea/kernels/cuda/tile/slice.h>
#include <fovea/kernels/device/fma_row.h>
#include <fovea/kernels/device/thread.h>
#include <fovea/kernels/device/vector.h>

namespace fovea::FOVEA_TARGET {

/// Stages: slices in shared memory at once. Blocks: how many an SM is to hold; bounds registers.
template <int BM_, int BN_, int TM, int TN, int Stages, int Blocks, Order OrderA, Order OrderB>
struct SimtTile {
  static constexpr int BM = BM_, BN = BN_;
  static constexpr int kThreadRows = BM / TM, kThreadColumns = BN / TN;
  static constexpr int kThreads = kThreadRows * kThreadColumns;
  static constexpr int kStages = Stages, kBlocks = Blocks;
  static_assert(BM % TM == 0 && BN % TN == 0 && TM % 4 == 0 && TN % 4 == 0);
  static_assert(kThreadRows % 4 == 0 && kThreadColumns % 8 == 0, "warps of 4 x 8 threads");

  using Element = float;
  using LayoutA = SliceLayout<OrderA, BM, 2, float>;
  using LayoutB = SliceLayout<OrderB, BN, 2, float>;
  struct Stage {
    alignas(128) float a[BM * kSlice];
    alignas(128) float b[BN * kSlice];
  };
  static constexpr bool kHoldsRows = OrderA == Order::along && OrderB == Order::across;
  static constexpr int kHeld = kHoldsRows ? TM : TN, kStreamed = kHoldsRows ? TN : TM;
  using Accumulators = float[kHeld][kStreamed];
  static constexpr int kAtOnce = 4;  // indices of the reduction

  static constexpr TileSize kSize{.rows = BM,
                                  .columns = BN,
                                  .thread_rows = TM,
                                  .thread_columns = TN,
                                  .shared_bytes = Stages * sizeof(Stage)};

  /// acc += the product of the slices, kk ascending: one chain of fma an output.
  static __device__ __forceinline__ void multiply(const Stage& s, Accumulators& acc, int thread) {
    const Reader<LayoutA, kThreadRows> rows(s.a, row(0, thread));
    const Reader<LayoutB, kThreadColumns> columns(s.b, column(0, thread));
#pragma unroll 1  // unrolled, reads are moved so far ahead that registers spill
    for (int kk = 0; kk < kSlice; kk += kAtOnce) {
      if constexpr (kHoldsRows) {
        multiply(columns, rows, kk, acc);
      } else {
        multiply(rows, columns, kk, acc);
      }
    }
  }

  /// f(row, column, values, c, found) for each vector of four neighbouring outputs of this thread,
  /// where c = of_column(column), called once a column, and found = find(row, column), called for
  /// several vectors before any f, so that what they read flies together.
  template <class C, class Find, class F>
  static __device__ __forceinline__ void for_each_vector(const Accumulators& acc, C of_column,
                                                         Find find, F f) {
    const auto thread = static_cast<int>(thread_read_anew());
    const unsigned zero = unknown_zero();
#pragma unroll
    for (int j = 0; j < TN; j += 4) {
      const auto c = of_column(column(j, thread));
#pragma unroll
      for (int i = 0; i < TM; i += 4) {
        decltype(find(0, 0)) found[4];
#pragma unroll
        for (int n = 0; n < 4; ++n) found[n] = find(row(i + n, thread), column(j, thread));
#pragma unroll
        for (int n = 0; n < 4; ++n) {
          Vector<float, 4> v;
#pragma unroll
          for (int l = 0; l < 4; ++l) {
            v[l] = moved(kHoldsRows ? acc[i + n][j + l] : acc[j + l][i + n], zero);
          }
          f(row(i + n, thread), column(j, thread), v, c, found[n]);
        }
      }
    }
  }

 private:
  static __device__ __forceinline__ int row(int i, int thread) {
    const int in_column = thread / 32 / (kThreadColumns / 8) * 4 + thread % 32 / 8;
    return (i / 4 * kThreadRows + in_column) * 4 + i % 4;
  }
  static __device__ __forceinline__ int column(int j, int thread) {
    const int in_row = thread / 32 % (kThreadColumns / 8) * 8 + thread % 8;
    return (j / 4 * kThreadColumns + in_row) * 4 + j % 4;
  }
  // acc += the product over indices kk .. kk + 3.
  template <class Streamed, class Held>
  static __device__ __forceinline__ void multiply(const Streamed& streamed, const Held& held,
                                                  int kk, Accumulators& acc) {
    float a[kAtOnce][kStreamed];
#pragma unroll
    for (int i = 0; i < kStreamed; i += 4) streamed.four(i, kk, a, i);
#pragma unroll
    for (int j = 0; j < kHeld; j += 4) {
      float b[kAtOnce][4];
      held.four(j, kk, b, 0);
#pragma unroll
      for (int k = 0; k < kAtOnce; ++k) {
#pragma unroll
        for (int l = 0; l < 4; ++l) fma_row(b[k][l], a[k], acc[j + l], /*backwards=*/l % 2 != 0);
      }
    }
  }
  // Elements (row, kk + k), k < kAtOnce, of a thread's rows, of which the i-th vector of four is
  // 4 Threads rows behind the one before: the swizzle is the same for all of them, so that two or
  // kAtOnce addresses do, and the rest is added by the instruction. Along, four indices further on
  // are a chunk that the swizzle has at the first one's place ^ kk.
  template <class Layout, int Threads>
  class Reader {
    static constexpr bool kAlong = Layout::kOrder == Order::along;
    static_assert(Threads % 8 == 0);

   public:
    __device__ __forceinline__ Reader(const float* slice, int row) : slice_{slice} {
#pragma unroll
      for (int i = 0; i < kAddresses; ++i) {
        at_[i] = kAlong ? Layout::at(row + i, 0) : Layout::at(row, i);
      }
    }
    // to[k][first + l] = element (row + l, kk + k) of vector i / 4.
    template <int N>
    __device__ __forceinline__ void four(int i, int kk, float (&to)[kAtOnce][N], int first) const {
      if constexpr (kAlong) {
#pragma unroll
        for (int l = 0; l < 4; ++l) {
          const auto v =
              load_vector<kAtOnce>(slice_ + (at_[l % 2] ^ kk) + (l / 2 * 2 + i * Threads) * kSlice);
#pragma unroll
          for (int k = 0; k < kAtOnce; ++k) to[k][first + l] = v[k];
        }
      } else {
#pragma unroll
        for (int k = 0; k < kAtOnce; ++k) {
          const auto v = load_vector<4>(slice_ + at_[k] + kk * Layout::kRows + i * Threads);
#pragma unroll
          for (int l = 0; l < 4; ++l) to[k][first + l] = v[l];
        }
      }
    }

   private:
    static constexpr int kAddresses = kAlong ? 2 : kAtOnce;
    const float* slice_;
    int at_[kAddresses];
  };
};

}  // namespace fovea::FOVEA_TARGET
