// windows.h - sliding windows along an axis: what of it they cover. Internal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace fovea::compare {

/// Window i has its tap t at cell i * stride - before + t * dilation; cells outside of [0, extent)
/// are padding.
struct Windows {
  int extent = 0, count = 0, size = 0, stride = 1, before = 0, dilation = 1;
};

/// The rows and the columns of a convolution's or a pooling's plane.
template <class Problem>
Windows row_windows(const Problem& p) {
  Windows a{p.h, p.p(), p.r, p.u, p.ph.begin};
  if constexpr (requires { p.dh; }) a.dilation = p.dh;
  return a;
}
template <class Problem>
Windows column_windows(const Problem& p) {
  Windows a{p.w, p.q(), p.s, p.v, p.pw.begin};
  if constexpr (requires { p.dw; }) a.dilation = p.dw;
  return a;
}

/// Shares of an axis; those of a plane are products of two.
struct Covered {
  double cells = 0;    // that a window covers
  double windows = 0;  // that cover a cell
  double taps = 0;     // that are at a cell in some window
};

inline Covered covered(const Windows& a) {
  const auto flags = [](int n) { return std::vector<char>(static_cast<std::size_t>(n)); };
  std::vector<char> cells = flags(a.extent), windows = flags(a.count), taps = flags(a.size);
  for (int i = 0; i < a.count; ++i) {
    for (int t = 0; t < a.size; ++t) {
      const int cell = i * a.stride - a.before + t * a.dilation;
      if (cell < 0 || cell >= a.extent) continue;
      cells[static_cast<std::size_t>(cell)] = 1;
      windows[static_cast<std::size_t>(i)] = 1;
      taps[static_cast<std::size_t>(t)] = 1;
    }
  }
  const auto share = [](const std::vector<char>& of) {
    return static_cast<double>(std::ranges::count(of, 1)) / static_cast<double>(of.size());
  };
  return {share(cells), share(windows), share(taps)};
}

/// Share of zeros beyond which a result tells nothing, where `meant` of its elements are not zero
/// by the problem itself: a quarter of these is to be seen.
constexpr double most_zeros_where(double meant) { return 1 - meant / 4; }

}  // namespace fovea::compare
