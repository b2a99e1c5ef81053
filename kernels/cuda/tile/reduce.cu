// reduce.cu - adds the partial sums of a split reduction in the order of the parts.
// Block  -> 256 elements; thread -> one element of all parts.
// Reuse  -> none: every partial sum is read once, neighbours by neighbours.
// Limits -> none. The order is the variant's: same bits on every card and under the emulator.
#include <fovea/kernels/cuda/tile/reduce.h>
#include <fovea/kernels/device/launch.h>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kThreads = 256;

struct Plain {
  bool accumulate;
  __device__ float operator()(float sum, const float* out, std::int64_t i) const {
    return accumulate ? out[i] + sum : sum;
  }
};

struct Activation {
  ForwardEpilogue epilogue;
  int columns;
  __device__ float operator()(float sum, const float*, std::int64_t i) const {
    return epilogue(sum, static_cast<int>(i % columns));
  }
};

template <class F>
__global__ void __launch_bounds__(kThreads) reduce(Partials from, float* out, F finish) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= from.count) return;
  float sum = 0.0F;
  for (int part = 0; part < from.parts; ++part) sum += from.sums[part * from.count + i];
  out[i] = finish(sum, out, i);
}

template <class F>
void run(const Partials& from, float* out, const F& finish, StreamView stream) {
  const Launch l{.grid = {ceil_div(from.count, kThreads)}, .block = {kThreads}};
  launch(reduce<F>, l, stream, from, out, finish);
}

}  // namespace

void run_reduce(const Partials& from, float* out, bool accumulate, StreamView stream) {
  run(from, out, Plain{accumulate}, stream);
}

void run_reduce(const Partials& from, float* y, int columns, const ForwardEpilogue& epilogue,
                StreamView stream) {
  run(from, y, Activation{epilogue, columns}, stream);
}

void run_reduce(const Partials& from, float* dx, const DgradEpilogue& epilogue, StreamView stream) {
  run(from, dx, epilogue, stream);
}

}  // namespace fovea::FOVEA_TARGET
