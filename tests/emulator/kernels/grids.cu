// grids.cu - see grids.h.
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/tests/emulator/kernels/grids.h>

namespace fovea::FOVEA_TARGET {
namespace {

__global__ void count(int* out) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  out[block * (blockDim.x * blockDim.y * blockDim.z) + thread] += 1;
}

__global__ void atomic_count(int* total) { atomicAdd(total, 1); }

struct LastSmem {
  int is_last;
};

__global__ void last_block(int* partial, unsigned* arrived, int* sum) {
  auto& s = block_shared<LastSmem>();
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = static_cast<int>(blockIdx.x);
    __threadfence();  // the partial is visible before the arrival
    s.is_last = atomicAdd(arrived, 1U) == gridDim.x - 1 ? 1 : 0;
  }
  __syncthreads();  // is_last is written
  if (s.is_last == 0 || threadIdx.x != 0) return;
  __threadfence();
  int total = 0;
  for (unsigned b = 0; b < gridDim.x; ++b) total += partial[b];  // in index order
  *sum = total;
}

__device__ float descend(int depth, float v) {
  float frame[64];
  for (int i = 0; i < 64; ++i) frame[i] = v + static_cast<float>(i);
  if (depth == 1) {
    __syncthreads();
    return frame[static_cast<int>(v) % 64] - v + 1 - static_cast<float>(static_cast<int>(v) % 64);
  }
  return descend(depth - 1, frame[static_cast<int>(v) % 64]) + 1;
}

__global__ void deep(int depth, float* y) { y[threadIdx.x] = descend(depth, 0); }

struct Triple {
  int a, b, c;
};

__device__ __noinline__ Triple counted(int from) { return {from, from + 1, from + 2}; }

__global__ void returned(int* y) {
  auto& s = block_shared<Triple>();
  if (threadIdx.x == 0) s = counted(1);
  __syncthreads();  // s is written
  y[threadIdx.x] = s.a + s.b + s.c;
}

Launch shape(const Extents& e) {
  return Launch{.grid = {e.grid[0], e.grid[1], e.grid[2]},
                .block = {e.block[0], e.block[1], e.block[2]},
                .smem = e.smem};
}

}  // namespace

void run_count(const Extents& extents, int* out, StreamView stream) {
  launch(count, shape(extents), stream, out);
}

void run_atomic_count(const Extents& extents, int* total, StreamView stream) {
  launch(atomic_count, shape(extents), stream, total);
}

void run_last_block(int blocks, int* partial, unsigned* arrived, int* sum, StreamView stream) {
  const Launch l{.grid = {static_cast<unsigned>(blocks)}, .block = {32}, .smem = sizeof(LastSmem)};
  launch(last_block, l, stream, partial, arrived, sum);
}

void run_deep(int depth, float* y, StreamView stream) {
  launch(deep, Launch{.grid = {1}, .block = {64}}, stream, depth, y);
}

void run_returned(int* y, StreamView stream) {
  launch(returned, Launch{.grid = {1}, .block = {64}, .smem = sizeof(Triple)}, stream, y);
}

}  // namespace fovea::FOVEA_TARGET
