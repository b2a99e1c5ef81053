// naive.h - what the naive kernels share: one thread an output element, no state, every problem.
#pragma once

#include <fovea/kernels/cuda/epilogue.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/launch.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

inline constexpr int kNaiveThreads = 256;

/// Index of this thread's output element; may lie behind the last.
__device__ inline std::int64_t naive_element() {
  return std::int64_t{blockIdx.x} * kNaiveThreads + threadIdx.x;
}

inline Launch naive_launch(const Shape& output) {
  return {.grid = {ceil_div(output.elements(), kNaiveThreads)}, .block = {kNaiveThreads}};
}

/// The algorithm `naive` of an op with epilogues.
template <class Op>
Algorithm<Op> naive_algorithm(void (*run)(const typename Op::Problem&, const typename Op::Args&,
                                          StreamView),
                              const Epilogue& offered) {
  Algorithm<Op> a = make_algorithm<Op>({.name = "naive", .run = run});
  a.can_run = [offered](const typename Op::Problem& p, const DeviceInfo&) {
    return covers(offered, p.epilogue);
  };
  return a;
}

}  // namespace fovea::FOVEA_TARGET
