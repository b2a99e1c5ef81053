// window.h - where a pooling window lies.
#pragma once

#include <fovea/kernels/ops/pool.h>

#include <algorithm>

namespace fovea::simd {

/// A window along one axis: it would begin at `start`; its cells inside the plane are [begin, end).
struct Window {
  int start, begin, end;
  int padded;  // its cells in the padded plane
};

inline Window window(int out, int stride, Padding pad, int size, int extent) {
  const int start = out * stride - pad.begin;
  return {start, std::max(0, start), std::min(extent, start + size),
          std::min(start + size, extent + pad.end) - start};
}
inline Window rows_of(const PoolProblem& p, int i) { return window(i, p.u, p.ph, p.r, p.h); }
inline Window columns_of(const PoolProblem& p, int j) { return window(j, p.v, p.pw, p.s, p.w); }

/// Whether no two windows share a cell.
inline bool disjoint(const PoolProblem& p) { return p.u >= p.r && p.v >= p.s; }

/// The cells of a window that average pooling divides by.
inline float divisor(const PoolProblem& p, const Window& rows, const Window& columns) {
  const int cells = p.count_padding ? rows.padded * columns.padded
                                    : (rows.end - rows.begin) * (columns.end - columns.begin);
  return static_cast<float>(cells);
}

}  // namespace fovea::simd
