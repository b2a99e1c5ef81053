// counts.cu - small kernels whose work is known by hand.
#include <fovea/kernels/device/async_copy.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/math.h>
#include <fovea/kernels/device/mma.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/device/vector.h>
#include <fovea/tests/emulator/kernels/counts.h>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kThreads = 128;

__device__ int thread_of_grid() {
  return static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
}

__global__ void __launch_bounds__(kThreads) copy(const float* x, float* y, int n, int stride) {
  const int i = thread_of_grid();
  if (i < n) y[i] = x[i * stride];
}

__global__ void __launch_bounds__(kThreads) copy_vectors(const float* x, float* y, int n) {
  const int i = 4 * thread_of_grid();
  if (i < n) store_vector(y + i, load_vector<4>(x + i));
}

template <int Pitch>
struct Tile {
  float row[32][Pitch];
};

// Thread (lane, warp): warp w moves rows w, w + 8, ...
template <int Pitch>
__global__ void __launch_bounds__(256) transpose(const float* x, float* y) {
  auto& s = block_shared<Tile<Pitch>>();
  for (unsigned r = threadIdx.y; r < 32; r += 8) s.row[r][threadIdx.x] = x[r * 32 + threadIdx.x];
  __syncthreads();  // the tile is there
  for (unsigned r = threadIdx.y; r < 32; r += 8) y[r * 32 + threadIdx.x] = s.row[threadIdx.x][r];
}

__global__ void __launch_bounds__(kThreads) half(float a, const float* x, float* y, int n) {
  const int i = thread_of_grid();
  if (i < n && i % 2 == 0) y[i] = fma(a, x[i], y[i]);
}

struct Stage {
  alignas(16) float value[kThreads * 4];
};

__global__ void __launch_bounds__(kThreads) staged(const float* x, float* y) {
  auto& s = block_shared<Stage>();
  const auto t = static_cast<int>(threadIdx.x);
  async_copy<16>(&s.value[4 * t], x + 4 * thread_of_grid());
  async_commit();
  async_wait<0>();
  __syncthreads();  // everybody's copies have landed
  store_vector(y + 4 * thread_of_grid(), load_vector<4>(&s.value[4 * t]));
}

__global__ void __launch_bounds__(kThreads) one_mma(float* y) {
  float d[4] = {};
  const std::uint32_t a[4] = {};
  const std::uint32_t b[2] = {};
  mma_m16n8k8(d, a, b);
  if (threadIdx.x % 32 == 0) y[threadIdx.x / 32] = d[0];
}

}  // namespace

void run_copy(const float* x, float* y, int n, int stride, StreamView stream) {
  launch(copy, {.grid = {ceil_div(n, kThreads)}, .block = {kThreads}}, stream, x, y, n, stride);
}

void run_copy_vectors(const float* x, float* y, int n, StreamView stream) {
  launch(copy_vectors, {.grid = {ceil_div(n, 4 * kThreads)}, .block = {kThreads}}, stream, x, y, n);
}

void run_transpose(const float* x, float* y, int pitch, StreamView stream) {
  const auto start = [&](auto kernel, std::size_t bytes) {
    launch(kernel, {.grid = {1}, .block = {32, 8}, .smem = bytes}, stream, x, y);
  };
  if (pitch == 33) {
    start(transpose<33>, sizeof(Tile<33>));
  } else {
    start(transpose<32>, sizeof(Tile<32>));
  }
}

void run_half(float a, const float* x, float* y, int n, StreamView stream) {
  launch(half, {.grid = {ceil_div(n, kThreads)}, .block = {kThreads}}, stream, a, x, y, n);
}

void run_staged(const float* x, float* y, int n, StreamView stream) {
  launch(staged, {.grid = {ceil_div(n, 4 * kThreads)}, .block = {kThreads}, .smem = sizeof(Stage)},
         stream, x, y);
}

void run_mma(float* y, int warps, StreamView stream) {
  launch(one_mma, {.grid = {1}, .block = {static_cast<unsigned>(32 * warps)}}, stream, y);
}

}  // namespace fovea::FOVEA_TARGET
