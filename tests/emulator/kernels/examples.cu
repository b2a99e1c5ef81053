// examples.cu - how a kernel file looks: a plain loop over threads, a block reduction, a tiled
// GEMM.
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/math.h>
#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/device/vector.h>
#include <fovea/tests/emulator/kernels/examples.h>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kSaxpyThreads = 256;

// Thread -> one element. No barrier: under emulation a plain loop.
__global__ void __launch_bounds__(kSaxpyThreads) saxpy(float a, const float* x, float* y, int n) {
  const int i = static_cast<int>(blockIdx.x) * kSaxpyThreads + static_cast<int>(threadIdx.x);
  if (i < n) y[i] = fma(a, x[i], y[i]);
}

// Block -> one row; thread -> every kThreads-th element of it.
struct RowTile {
  static constexpr int kThreads = 128;
  struct Smem {
    ReduceScratch<float, kThreads> scratch;
  };
};

template <class T>
__global__ void __launch_bounds__(T::kThreads) row_sums(const float* x, float* sums, int columns) {
  auto& s = block_shared<typename T::Smem>();
  const float* row = x + static_cast<std::int64_t>(blockIdx.x) * columns;
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < columns; i += T::kThreads) sum += row[i];
  sum = block_sum(sum, s.scratch);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// Block -> BM x BN of c; thread -> TM x TN of it. A staged element of a is read BN times.
struct GemmTile {
  static constexpr int BM = 128, BN = 128, BK = 16, TM = 8, TN = 8;
  static constexpr int kThreads = BM / TM * (BN / TN);
  struct Smem {
    float a[BK][BM];  // transposed: a thread's TM rows are neighbours
    float b[BK][BN];
  };
};

template <class T>
__device__ void load_tiles(typename T::Smem& s, const float* a, const float* b, int m, int n, int k,
                           int k0) {
  const int row0 = static_cast<int>(blockIdx.y) * T::BM;
  const int col0 = static_cast<int>(blockIdx.x) * T::BN;
  for (int i = static_cast<int>(threadIdx.x); i < T::BM * T::BK; i += T::kThreads) {
    const int row = i / T::BK, kk = i % T::BK;
    const bool inside = row0 + row < m && k0 + kk < k;
    s.a[kk][row] = inside ? a[static_cast<std::int64_t>(row0 + row) * k + k0 + kk] : 0;
  }
  for (int i = static_cast<int>(threadIdx.x); i < T::BK * T::BN; i += T::kThreads) {
    const int kk = i / T::BN, col = i % T::BN;
    const bool inside = k0 + kk < k && col0 + col < n;
    s.b[kk][col] = inside ? b[static_cast<std::int64_t>(k0 + kk) * n + col0 + col] : 0;
  }
}

template <class T>
__global__ void __launch_bounds__(T::kThreads)
    gemm(const float* a, const float* b, float* c, int m, int n, int k) {
  auto& s = block_shared<typename T::Smem>();
  const int ty = static_cast<int>(threadIdx.x) / (T::BN / T::TN) * T::TM;
  const int tx = static_cast<int>(threadIdx.x) % (T::BN / T::TN) * T::TN;
  float acc[T::TM][T::TN] = {};
  for (int k0 = 0; k0 < k; k0 += T::BK) {
    load_tiles<T>(s, a, b, m, n, k, k0);
    __syncthreads();  // both tiles are staged
    for (int kk = 0; kk < T::BK; ++kk) {
      const float* b_row = &s.b[kk][tx];
      FOVEA_UNROLL
      for (int i = 0; i < T::TM; ++i) {
        const float av = s.a[kk][ty + i];
        FOVEA_UNROLL
        for (int j = 0; j < T::TN; ++j) acc[i][j] = fma(av, b_row[j], acc[i][j]);
      }
    }
    __syncthreads();  // all have read them
  }
  for (int i = 0; i < T::TM; ++i) {
    const int row = static_cast<int>(blockIdx.y) * T::BM + ty + i;
    for (int j = 0; j < T::TN; ++j) {
      const int col = static_cast<int>(blockIdx.x) * T::BN + tx + j;
      if (row < m && col < n) c[static_cast<std::int64_t>(row) * n + col] = acc[i][j];
    }
  }
}

}  // namespace

void run_saxpy(float a, const float* x, float* y, int n, StreamView stream) {
  const Launch l{.grid = {ceil_div(n, kSaxpyThreads)}, .block = {kSaxpyThreads}};
  launch(saxpy, l, stream, a, x, y, n);
}

void run_row_sums(const float* x, float* sums, int rows, int columns, StreamView stream) {
  using T = RowTile;
  const Launch l{.grid = {static_cast<unsigned>(rows)},
                 .block = {T::kThreads},
                 .smem = sizeof(typename T::Smem)};
  launch(row_sums<T>, l, stream, x, sums, columns);
}

void run_gemm(const float* a, const float* b, float* c, int m, int n, int k, StreamView stream) {
  using T = GemmTile;
  const Launch l{.grid = {ceil_div(n, T::BN), ceil_div(m, T::BM)},
                 .block = {T::kThreads},
                 .smem = sizeof(typename T::Smem)};
  launch(gemm<T>, l, stream, a, b, c, m, n, k);
}

}  // namespace fovea::FOVEA_TARGET
