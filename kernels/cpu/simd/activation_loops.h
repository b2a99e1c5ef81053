// activation_loops.h - activations over elements, for run_as(): by themselves, and behind products.
// y may be x: ivdep, as the compiler's overlap check would take that for a reason not to vectorise.
#pragma once

#include <fovea/kernels/cpu/simd/math.h>
#include <fovea/kernels/cpu/simd/vec.h>

#include <cstdint>

namespace fovea::simd {

/// y = max(0, x), where NaN stays NaN.
struct ReluLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, const T* x, T* y) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) y[i] = where(!(widened(x[i]) < 0), x[i]);
  }
};

/// y = tanh x.
struct TanhLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, const T* x, T* y) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) y[i] = narrowed<T>(tanh(widened(x[i])));
  }
};

}  // namespace fovea::simd
