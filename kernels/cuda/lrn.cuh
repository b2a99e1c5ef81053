// lrn.cuh - what the kernels of local response normalisation share: d^-beta, and windows across
// channels over whole pixels in shared memory.
#pragma once

#include <fovea/kernels/cuda/tile/fast_divide.h>
#include <fovea/kernels/device/math.h>
#include <fovea/kernels/device/vector.h>
#include <fovea/kernels/ops/lrn.h>

namespace fovea::FOVEA_TARGET {

/// d^-beta for d > 0. 3/4, everybody's beta, by two square roots (each rounded once, 2 ulp in all)
/// instead of pow's hundred instructions, which would cost more time than the memory accesses.
__device__ __forceinline__ float inverse_power(float d, float beta) {
  if (beta == 0.75F) {
    const float root = sqrt(d);
    return 1.0F / (root * sqrt(root));
  }
  return pow(d, -beta);
}

inline constexpr int kLrnThreads = 256;

/// Copies `count` elements to shared memory, W of them an access; all threads of the block.
template <int W, class T>
__device__ void stage(T* to, const T* from, int count) {
  for (int e = static_cast<int>(threadIdx.x) * W; e < count; e += kLrnThreads * W) {
    store_vector<W>(to + e, load_vector<W>(from + e));
  }
}

/// The windows across channels of pixels that lie behind one another.
struct ChannelWindows {
  FastDivide group;  // by its channels
  int half;
  float a, beta, k;

  explicit ChannelWindows(const LrnProblem& p)
      : group{static_cast<unsigned>(p.c / p.groups)},
        half{p.size / 2},
        a{p.scale()},
        beta{p.beta},
        k{p.k} {}

  struct Window {
    int begin, end;  // elements: first and one past the last
  };
  /// Around element e.
  __device__ __forceinline__ Window around(int e) const {
    // First of the group: groups divide a pixel.
    const auto channels = static_cast<int>(group.divisor());
    const int first = static_cast<int>(group.quotient(static_cast<unsigned>(e))) * channels;
    return {max(first, e - half), min(first + channels, e + half + 1)};
  }
  /// d of element e of x.
  __device__ __forceinline__ float denominator(const float* x, int e) const {
    const Window w = around(e);
    float sum = 0;
    for (int j = w.begin; j < w.end; ++j) sum = fma(x[j], x[j], sum);
    return fma(a, sum, k);
  }
  /// x d^-beta of element e.
  __device__ __forceinline__ float normalised(const float* x, int e) const {
    return x[e] * inverse_power(denominator(x, e), beta);
  }
  /// The gradient of element e of x, of t_j = g_j x_j d_j^(-beta-1) and direct = g_e d_e^-beta.
  __device__ __forceinline__ float gradient(const float* x, const float* t, float direct,
                                            int e) const {
    const Window w = around(e);
    float sum = 0;
    for (int j = w.begin; j < w.end; ++j) sum += t[j];
    return fma(-2 * a * beta * x[e], sum, direct);
  }
};

}  // namespace fovea::FOVEA_TARGET
