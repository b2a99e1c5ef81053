// tile.h - C[BM,BN] += A[BM,BK] B[BK,BN], fp32, both operands in shared memory, C in registers.
//
//            BN columns of B, thread column x owns TN of them
//            +-----------------+
//         BK |  b[kk][column]  |     each kk: TM + TN floats from shared memory,
//            +-----------------+              TM * TN multiply-adds in registers
//     BK     |                 |
//   +-----+  |      acc        |
//   | a   |BM|   [TM][TN] a    |
//   |[kk] |  |     thread      |
//   |[row]|  |                 |
//   +-----+  +-----------------+
//
// A warp is 4 x 8 threads. A thread's rows come in vectors of V = 4 (or 2) with the other threads'
// between them, so that one request of a warp reads 4 V or 8 V consecutive floats: each bank at
// most once, equal addresses by broadcast. Both operands lie with the reduction index outermost and
// rows padded to a multiple of 4 that is 4 modulo 32 for extents that are multiples of 32;
// staging.h says what that does for the stores.
#pragma once

#include <fovea/kernels/device/fma_row.h>
#include <fovea/kernels/device/vector.h>

namespace fovea::FOVEA_TARGET {

/// BM x BN outputs a block, TM x TN a thread, BK of the reduction a stage. `Blocks`: how many
/// blocks an SM is to hold, which bounds the registers.
template <int BM_, int BN_, int TM_, int TN_, int Blocks, int BK_ = 16>
struct Tile {
  static constexpr int BM = BM_, BN = BN_, BK = BK_, TM = TM_, TN = TN_;
  static constexpr int kThreadRows = BM / TM;
  static constexpr int kThreadColumns = BN / TN;
  static constexpr int kThreads = kThreadRows * kThreadColumns;
  static constexpr int kWarpColumns = kThreadColumns / 8;
  static constexpr int kBlocks = Blocks;
  static constexpr int kRowVector = TM % 4 == 0 ? 4 : 2;
  static constexpr int kColumnVector = TN % 4 == 0 ? 4 : 2;
  static_assert(BM % TM == 0 && BN % TN == 0 && TM % 2 == 0 && TN % 2 == 0);
  static_assert(kThreadRows % 4 == 0 && kThreadColumns % 8 == 0, "warps of 4 x 8 threads");

  /// One slice of both operands.
  struct Stage {
    alignas(16) float a[BK][BM + 4];
    alignas(16) float b[BK][BN + 4];
  };
  using Accumulators = float[TM][TN];

  /// This thread's place among the threads of the block.
  static __device__ __forceinline__ unsigned thread_row() {
    return threadIdx.x / 32 / kWarpColumns * 4 + threadIdx.x % 32 / 8;
  }
  static __device__ __forceinline__ unsigned thread_column() {
    return threadIdx.x / 32 % kWarpColumns * 8 + threadIdx.x % 8;
  }
  /// Row of the tile that accumulator row i is; vectors of rows are consecutive.
  static __device__ __forceinline__ int row(unsigned i) {
    return static_cast<int>((i / kRowVector * kThreadRows + thread_row()) * kRowVector +
                            i % kRowVector);
  }
  static __device__ __forceinline__ int column(unsigned j) {
    return static_cast<int>((j / kColumnVector * kThreadColumns + thread_column()) * kColumnVector +
                            j % kColumnVector);
  }

  /// acc += the product of the stage, kk ascending: one chain of fma an output.
  static __device__ __forceinline__ void multiply(const Stage& s, Accumulators& acc) {
    const int first_row = row(0);
    const int first_column = column(0);
#pragma unroll
    for (int kk = 0; kk < BK; ++kk) {
      float a[TM];
      float b[TN];
      read_fragment<kRowVector, kThreadRows>(&s.a[kk][first_row], a);
      read_fragment<kColumnVector, kThreadColumns>(&s.b[kk][first_column], b);
#pragma unroll
      for (int i = 0; i < TM; ++i) fma_row(a[i], b, acc[i]);
    }
  }

  /// f(row, column) for each output of this thread, as a loop: for what is too long to be repeated
  /// TM * TN times in the code. The accumulators are out of reach; results already stored are not.
  template <class F>
  static __device__ __forceinline__ void for_each_output(F f) {
#pragma unroll 1
    for (int i = 0; i < TM; ++i) {
#pragma unroll 1
      for (int j = 0; j < TN; ++j) f(row(i), column(j));
    }
  }

  /// f(row, column, values) for each vector of kColumnVector neighbouring outputs of this thread.
  template <class F>
  static __device__ __forceinline__ void for_each_vector(const Accumulators& acc, F f) {
#pragma unroll
    for (int i = 0; i < TM; ++i) {
#pragma unroll
      for (int j = 0; j < TN; j += kColumnVector) {
        Vector<float, kColumnVector> v;
#pragma unroll
        for (int l = 0; l < kColumnVector; ++l) v[l] = acc[i][j + l];
        f(row(i), column(j), v);
      }
    }
  }

 private:
  // N floats in vectors of V, one vector for each of the `Threads` threads side by side.
  template <int V, int Threads, int N>
  static __device__ __forceinline__ void read_fragment(const float* first, float (&to)[N]) {
#pragma unroll
    for (int i = 0; i < N; i += V) {
      const auto v = load_vector<V>(first + i * Threads);
#pragma unroll
      for (int l = 0; l < V; ++l) to[i + l] = v[l];
    }
  }
};

}  // namespace fovea::FOVEA_TARGET
