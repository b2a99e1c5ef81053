// lrn.cuh - what the kernels of local response normalisation share: d^-beta, and windows across
// channels over whole pixels in shared memory, where x has its own type and all else is fp32.
#pragma once

#include <fovea/kernels/cuda/tile/fast_divide.h>
#include <fovea/kernels/device/element.h>
#include <fovea/kernels/device/math.h>
#include <fovea/kernels/device/vector.h>
#include <fovea/kernels/ops/lrn.h>

namespace fovea::FOVEA_TARGET {

/// d^-beta and d^-1 for d > 0.
struct InversePowers {
  float beta, one;
};

/// beta = 3/4, everybody's, by two reciprocal roots (6 ulp in all) instead of pow's hundred
/// instructions, which would cost more time than the memory accesses.
__device__ __forceinline__ InversePowers from_roots(float root, float root_of_root) {
  return {root * (root * root_of_root), root * root};
}

__device__ __forceinline__ InversePowers inverse_powers(float d, float beta) {
  if (beta == 0.75F) {
    const float root = rsqrt(d);
    return from_roots(root, rsqrt(root));
  }
  return {pow(d, -beta), 1 / d};
}

inline constexpr int kLrnThreads = 256;

/// Copies `count` elements to shared memory, W of them an access; all threads of the block.
template <int W, class T>
__device__ void stage(T* to, const T* from, int count) {
  for (int e = static_cast<int>(threadIdx.x) * W; e < count; e += kLrnThreads * W) {
    store_vector<W>(to + e, load_vector<W>(from + e));
  }
}

/// Elements of T that threads copy at a time where they compute W: 16 bytes of them, or 1.
template <int W, class T>
inline constexpr int kStaged = W == 1 ? 1 : kPerAccess<T>;

/// The windows across channels of pixels that lie behind one another in shared memory. A thread
/// takes W neighbouring elements at a time: 1, or 4 where windows_of_four() holds; the bits are the
/// same.
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

  /// d of W elements from e on.
  template <int W, class T>
  __device__ __forceinline__ Vector<float, W> denominators(const T* x, int e) const {
    Vector<float, W> d = sums<W>(x, e, [](float v, float sum) { return fma(v, v, sum); });
    for (int l = 0; l < W; ++l) d[l] = fma(a, d[l], k);
    return d;
  }
  /// x d^-beta.
  template <int W, class T>
  __device__ __forceinline__ Vector<float, W> normalised(const T* x, int e) const {
    const Vector<float, W> d = denominators<W>(x, e);
    Vector<float, W> y;
    for (int l = 0; l < W; ++l) y[l] = load_float(x + e + l) * inverse_powers(d[l], beta).beta;
    return y;
  }
  /// The gradient, of t_j = g_j x_j d_j^(-beta-1) and direct = g d^-beta.
  template <int W, class T>
  __device__ __forceinline__ Vector<float, W> gradients(const T* x, const float* t,
                                                        const float* direct, int e) const {
    Vector<float, W> dx = sums<W>(t, e, [](float v, float sum) { return sum + v; });
    const Vector<float, W> own = load_floats<W>(x + e);
    const Vector<float, W> first = load_floats<W>(direct + e);
    for (int l = 0; l < W; ++l) dx[l] = fma(-2 * a * beta * own[l], dx[l], first[l]);
    return dx;
  }

 private:
  static constexpr int kReach = 4;  // of a window of four's elements

  /// The sum over the window of each of W elements, in the order of channels.
  template <int W, class T, class F>
  __device__ __forceinline__ Vector<float, W> sums(const T* x, int e, const F& add) const {
    // First of the group: groups divide a pixel.
    const auto channels = static_cast<int>(group.divisor());
    const int first = static_cast<int>(group.quotient(static_cast<unsigned>(e))) * channels;
    Vector<float, W> sum{};
    if constexpr (W == 1) {
      const int end = min(first + channels, e + half + 1);
      for (int j = max(first, e - half); j < end; ++j) sum[0] = add(load_float(x + j), sum[0]);
    } else {
      // Zeros outside of the group add nothing.
      const Vector<float, W> none{};
      const auto before = e > first ? load_floats<W>(x + e - W) : none;
      const auto own = load_floats<W>(x + e);
      const auto behind = e + W < first + channels ? load_floats<W>(x + e + W) : none;
      float v[3 * W];
      for (int l = 0; l < W; ++l) {
        v[l] = before[l];
        v[W + l] = own[l];
        v[2 * W + l] = behind[l];
      }
#pragma unroll
      for (int j = -kReach; j <= kReach; ++j) {
        if (j < -half || j > half) continue;
        for (int l = 0; l < W; ++l) sum[l] = add(v[W + l + j], sum[l]);
      }
    }
    return sum;
  }
};

/// Whether threads may take four neighbours at a time: they are of one group, and see no further
/// than the four before and behind; and copy 16 bytes of a tensor of T at a time.
template <class T>
bool windows_of_four(const LrnProblem& p) {
  return p.c / p.groups % 4 == 0 && p.size <= 9 && p.c % kPerAccess<T> == 0;
}

}  // namespace fovea::FOVEA_TARGET
