// toom_cook.h - Winograd's minimal filtering in one dimension, by Toom and Cook's interpolation.
//   y_i = sum over k < taps of g_k d_(i + k),  i < outputs,  kTile = outputs + taps - 1
//   y = A^T [(G g) * (B^T d)],  products element by element
// with the points 0, +-1, +-2, +-1/2 (as many as are needed) and infinity. For points a_j and
// N_j = product over l != j of (a_j - a_l):
//   A^T(i, j) = a_j^i           last column: 1 at i = outputs - 1
//   G(j, k)   = a_j^k / N_j     last row:    1 at k = taps - 1
//   B^T(j, .) = coefficients of product over l != j of (x - a_l); last row: over all l
// (Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016; Blahut, "Fast
// algorithms for signal processing", 2010, chapter 5.) Rows of a and -a have equal even and
// opposite odd terms, so each pair is computed as E + O and E - O.
//
// Functions are static: the files that include this are compiled for different instruction sets.
#pragma once

#include <array>
#include <type_traits>
#include <utility>

namespace fovea::onednn {

/// The three matrices for tiles of kTile (even, 4 to 8) elements, at compile time.
template <int kTile>
struct ToomCook {
  static_assert(kTile % 2 == 0 && kTile >= 4 && kTile <= 8);
  static constexpr int kFinite = kTile - 1;
  static constexpr std::array<double, 7> kPoints{0, 1, -1, 2, -2, 0.5, -0.5};

  static constexpr double power(double a, int i) {
    double p = 1;
    for (; i > 0; --i) p *= a;
    return p;
  }
  static constexpr double norm(int j) {
    double n = 1;
    for (int l = 0; l < kFinite; ++l) n *= l == j ? 1 : kPoints[j] - kPoints[l];
    return n;
  }
  static constexpr double at(int i, int j, int outputs) {
    return j < kFinite ? power(kPoints[j], i) : (i == outputs - 1 ? 1 : 0);
  }
  static constexpr double g(int j, int k, int taps) {
    return j < kFinite ? power(kPoints[j], k) / norm(j) : (k == taps - 1 ? 1 : 0);
  }
  static constexpr double bt(int j, int i) {
    std::array<double, kTile + 1> c{1};  // of the product so far, lowest power first
    int degree = 0;
    for (int l = 0; l < kFinite; ++l) {
      if (l == j) continue;
      ++degree;
      for (int d = degree; d >= 0; --d) c[d] = (d > 0 ? c[d - 1] : 0) - kPoints[l] * c[d];
    }
    return c[i];
  }
};

/// Calls f with the integral constants 0 to kCount - 1.
template <int kCount, class F>
static inline void unroll(const F& f) {
  [&]<int... kIndex>(std::integer_sequence<int, kIndex...>) {
    (f(std::integral_constant<int, kIndex>{}), ...);
  }
  (std::make_integer_sequence<int, kCount>{});
}

/// Sum over the i of one parity of coefficient(i) v[i * stride], terms with coefficient 0 left out.
template <int kCount, int kParity, class V, class Coefficient>
static inline V parity_sum(const V* v, int stride, Coefficient coefficient) {
  V sum{};
  bool first = true;  // known to the compiler: all is unrolled
  unroll<kCount>([&](auto i) {
    constexpr double c = coefficient(i);
    if constexpr (c != 0 && i % 2 == kParity) {
      const V term = c == 1 ? v[i * stride] : v[i * stride] * static_cast<float>(c);
      sum = first ? term : sum + term;
      first = false;
    }
  });
  return sum;
}

/// out[j] = sum over i < kCount of coefficient(j, i) v[i], where rows 2l - 1 and 2l of the kTile
/// rows belong to points a and -a.
template <int kTile, int kCount, class V, class Coefficient>
static inline void paired_rows(const V* v, int stride, V* out, int out_stride,
                               Coefficient coefficient) {
  out[0] = parity_sum<kCount, 0>(v, stride, [=](auto i) { return coefficient(0, i); });
  unroll<kTile / 2 - 1>([&](auto l) {
    constexpr int kRow = 2 * l + 1;
    const V even = parity_sum<kCount, 0>(v, stride, [=](auto i) { return coefficient(kRow, i); });
    const V odd = parity_sum<kCount, 1>(v, stride, [=](auto i) { return coefficient(kRow, i); });
    out[kRow * out_stride] = even + odd;
    out[(kRow + 1) * out_stride] = even - odd;
  });
}

/// out = B^T d.
template <int kTile, class V>
static inline void transform_input(const V* d, int stride, V* out, int out_stride) {
  using M = ToomCook<kTile>;
  paired_rows<kTile, kTile>(d, stride, out, out_stride, [](int j, int i) { return M::bt(j, i); });
  out[(kTile - 1) * out_stride] =
      parity_sum<kTile, 1>(d, stride, [](auto i) { return M::bt(kTile - 1, i); });
}

/// out = G g.
template <int kTile, int kTaps, class V>
static inline void transform_filter(const V* g, int stride, V* out, int out_stride) {
  using M = ToomCook<kTile>;
  paired_rows<kTile, kTaps>(g, stride, out, out_stride,
                            [](int j, int k) { return M::g(j, k, kTaps); });
  out[(kTile - 1) * out_stride] = g[(kTaps - 1) * stride];
}

/// out = A^T m.
template <int kTile, int kResults, class V>
static inline void transform_output(const V* m, int stride, V* out, int out_stride) {
  using M = ToomCook<kTile>;
  constexpr int kPairs = kTile / 2 - 1;
  V sums[kPairs], differences[kPairs];
  unroll<kPairs>([&](auto l) {
    sums[l] = m[(2 * l + 1) * stride] + m[(2 * l + 2) * stride];
    differences[l] = m[(2 * l + 1) * stride] - m[(2 * l + 2) * stride];
  });
  unroll<kResults>([&](auto i) {
    V y = i % 2 == 0 ? sums[0] : differences[0];
    unroll<kPairs - 1>([&](auto l) {
      constexpr double c = M::at(i, 2 * l + 3, kResults);
      const V part = i % 2 == 0 ? sums[l + 1] : differences[l + 1];
      y = y + (c == 1 ? part : part * static_cast<float>(c));
    });
    if constexpr (i == 0) y = y + m[0];
    if constexpr (i == kResults - 1) y = y + m[(kTile - 1) * stride];
    out[i * out_stride] = y;
  });
}

}  // namespace fovea::onednn
