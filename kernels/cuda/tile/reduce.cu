// reduce.cu - adds the partial sums of a split reduction in the order of the parts.
// Block  -> 256 elements; thread -> one element of all parts.
// Reuse  -> none: every partial sum is read once, neighbours by neighbours.
// Limits -> none. The order is the variant's: same bits on every card and under the emulator.
#include <fovea/kernels/cuda/tile/reduce.h>
#include <fovea/kernels/device/launch.h>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kReduceThreads = 256;

struct Plain {
  bool accumulate;
  template <class E>
  __device__ float operator()(float sum, const E* out, std::int64_t i) const {
    return accumulate ? load_float(out + i) + sum : sum;
  }
};

struct Finished {
  ForwardEpilogue epilogue;
  int columns;
  template <class E>
  __device__ float operator()(float sum, const E*, std::int64_t i) const {
    return epilogue(sum, static_cast<int>(i % columns), i);
  }
};

template <class E, class F>
__global__ void __launch_bounds__(kReduceThreads) reduce(Partials from, E* out, F finish) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kReduceThreads + threadIdx.x;
  if (i >= from.count) return;
  float sum = 0.0F;
  for (int part = 0; part < from.parts; ++part) sum += from.sums[part * from.count + i];
  store_float(out + i, finish(sum, out, i));
}

template <class E, class F>
void run(const Partials& from, E* out, const F& finish, StreamView stream) {
  const Launch l{.grid = {ceil_div(from.count, kReduceThreads)}, .block = {kReduceThreads}};
  launch(reduce<E, F>, l, stream, from, out, finish);
}

}  // namespace

template <class E>
void run_reduce(const Partials& from, E* out, bool accumulate, StreamView stream) {
  run(from, out, Plain{accumulate}, stream);
}

template <class E>
void run_reduce(const Partials& from, E* y, int columns, const ForwardEpilogue& epilogue,
                StreamView stream) {
  run(from, y, Finished{epilogue, columns}, stream);
}

template <class E>
void run_reduce(const Partials& from, E* dx, const DgradEpilogue<E>& epilogue, StreamView stream) {
  run(from, dx, epilogue, stream);
}

template void run_reduce(const Partials&, float*, bool, StreamView);
template void run_reduce(const Partials&, bf16*, bool, StreamView);
template void run_reduce(const Partials&, float*, int, const ForwardEpilogue&, StreamView);
template void run_reduce(const Partials&, bf16*, int, const ForwardEpilogue&, StreamView);
template void run_reduce(const Partials&, float*, const DgradEpilogue<float>&, StreamView);
template void run_reduce(const Partials&, bf16*, const DgradEpilogue<bf16>&, StreamView);

}  // namespace fovea::FOVEA_TARGET
