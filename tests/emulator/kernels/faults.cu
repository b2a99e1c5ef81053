// faults.cu - see faults.h. Each bug is one line, marked by its name.
#include <fovea/kernels/device/async_copy.h>
#include <fovea/kernels/device/barrier.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/device/vector.h>
#include <fovea/tests/emulator/kernels/faults.h>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kThreads = kFaultThreads;
constexpr int kStages = 2;

struct ReverseSmem {
  float v[kThreads];
};

__global__ void __launch_bounds__(kThreads) reverse(Fault fault, const float* x, float* y) {
  auto& s = block_shared<ReverseSmem>();
  const int t = static_cast<int>(threadIdx.x);
  float* v = s.v;  // a pointer: no compiler can see the overrun
  if (fault != Fault::unwritten_read || t % 2 == 0) v[t] = x[t];
  if (fault == Fault::overrun_write && t == 5) v[kThreads] = 1;
  if (fault == Fault::early_exit && t == 7) return;
  if (fault == Fault::divergent_barrier && t >= kWarp) {
    __syncthreads();
  } else if (fault != Fault::missing_barrier) {
    __syncthreads();  // v is written
  }
  y[t] = v[kThreads - 1 - t + (fault == Fault::overrun_read ? 1 : 0)];
}

struct PipelineSmem {
  alignas(8) float v[kStages][2 * kThreads];
};

__device__ void copy_step(PipelineSmem& s, const float* x, int step) {
  const int t = static_cast<int>(threadIdx.x);
  const float* from = x + step * 2 * kThreads + 2 * t;
  if (step < kFaultSteps) async_copy<8>(&s.v[step % kStages][2 * t], from);
  async_commit();
}

__global__ void __launch_bounds__(kThreads) pipeline(Fault fault, const float* x, float* y) {
  auto& s = block_shared<PipelineSmem>();
  const int t = static_cast<int>(threadIdx.x);
  float sum = 0;
  copy_step(s, x, 0);
  for (int step = 0; step < kFaultSteps; ++step) {
    copy_step(s, x, step + 1);
    if (fault == Fault::short_wait) {
      async_wait<2>();
    } else if (fault != Fault::no_wait && fault != Fault::never_waited) {
      async_wait<1>();
    }
    if (fault != Fault::wait_without_barrier) __syncthreads();  // everybody's copies have landed
    if (fault == Fault::never_waited) continue;
    sum += s.v[step % kStages][2 * (t ^ 1)] + s.v[step % kStages][2 * (t ^ 1) + 1];
    if (fault != Fault::early_reuse) __syncthreads();  // the stage may be overwritten
  }
  if (fault != Fault::never_waited) async_wait<0>();
  y[t] = sum;
}

__global__ void __launch_bounds__(kThreads) named(Fault fault, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  const int first = fault == Fault::crossed_barriers && t >= kWarp ? 2 : 1;
  const int count = fault == Fault::mixed_counts && t >= kWarp ? kWarp : kThreads;
  barrier_sync(first, count);
  barrier_sync(3 - first, kThreads);
  y[t] = 1;
}

__global__ void __launch_bounds__(kThreads) swap(Fault fault, const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  const int lane = lane_id();
  float v = x[t];
  if (fault == Fault::divergent_shuffle && lane < 3) {
    v = __shfl_down_sync(kAllLanes, v, 1);
  } else if (fault == Fault::unnamed_lane) {
    if (lane < 16) v = __shfl_xor_sync(0xffffU, v, 16);
  } else {
    v = __shfl_xor_sync(kAllLanes, v, 1);
  }
  y[t] = v;
}

struct VectorSmem {
  alignas(16) float v[8];
};

__global__ void copy_vector(Fault fault, const float* x, float* y) {
  auto& s = block_shared<VectorSmem>();
  const int shift = fault == Fault::misaligned_copy ? 1 : fault == Fault::copy_outside ? 8 : 0;
  async_copy<16>(s.v + shift, x);
  async_commit();
  async_wait<0>();
  const int from = fault == Fault::misaligned_load ? 1 : 0;
  const auto v = load_vector<4>(x + from);
  for (int i = 0; i < 4; ++i) y[i] = fault == Fault::none ? s.v[i] : v[i];
}

__global__ void chain(Fault fault, float* y) {
  const int b = static_cast<int>(blockIdx.x);
  y[b] = fault == Fault::block_order ? y[b - 1] + 1 : static_cast<float>(b + 1);
}

}  // namespace

void run_reverse(Fault fault, const float* x, float* y, StreamView stream) {
  const std::size_t smem = sizeof(ReverseSmem) - (fault == Fault::small_launch ? 4 : 0);
  const Launch l{.grid = {1}, .block = {kThreads}, .smem = smem};
  launch(reverse, l, stream, fault, x, y);
}

void run_pipeline(Fault fault, const float* x, float* y, StreamView stream) {
  const Launch l{.grid = {1}, .block = {kThreads}, .smem = sizeof(PipelineSmem)};
  launch(pipeline, l, stream, fault, x, y);
}

void run_named(Fault fault, float* y, StreamView stream) {
  const Launch l{.grid = {1}, .block = {kThreads}};
  launch(named, l, stream, fault, y);
}

void run_swap(Fault fault, const float* x, float* y, StreamView stream) {
  const unsigned threads = fault == Fault::absent_lanes ? kThreads - 8 : kThreads;
  const Launch l{.grid = {1}, .block = {threads}};
  launch(swap, l, stream, fault, x, y);
}

void run_vector(Fault fault, const float* x, float* y, StreamView stream) {
  const Launch l{.grid = {1}, .block = {1}, .smem = sizeof(VectorSmem)};
  launch(copy_vector, l, stream, fault, x, y);
}

void run_blocks(Fault fault, float* y, int blocks, StreamView stream) {
  const Launch l{.grid = {static_cast<unsigned>(blocks)}, .block = {1}};
  launch(chain, l, stream, fault, y);
}

}  // namespace fovea::FOVEA_TARGET
