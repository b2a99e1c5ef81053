// tanh_loop.h - y = tanh x over elements, for run_as(): by itself, and behind products.
#pragma once

#include <fovea/kernels/cpu/simd/math.h>
#include <fovea/kernels/cpu/simd/vec.h>

#include <cstdint>

namespace fovea::simd {

/// y may be x: ivdep, as the compiler's overlap check would take that for a reason not to
/// vectorise.
struct TanhLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, const T* x, T* y) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) y[i] = narrowed<T>(tanh(widened(x[i])));
  }
};

}  // namespace fovea::simd
