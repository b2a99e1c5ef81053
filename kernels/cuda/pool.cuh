// pool.cuh - windows over a plane, as kernels count them: shared by max and average pooling.
#pragma once

#include <fovea/kernels/cuda/tile/fast_divide.h>
#include <fovea/kernels/device/math.h>
#include <fovea/kernels/ops/pool.h>
#include <fovea/kernels/cuda/pointwise.cuh>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// First and one past the last of something.
struct Range {
  int begin, end;
};

/// One axis: `in` cells, `out` windows of `size` cells; window i starts at i * stride - begin.
struct WindowAxis {
  int in, out, size, stride, begin, end;  // begin, end: padding
  FastDivide steps;                       // by the stride

  WindowAxis(int cells, int windows, int window, int step, Padding padding)
      : in{cells},
        out{windows},
        size{window},
        stride{step},
        begin{padding.begin},
        end{padding.end},
        steps{static_cast<unsigned>(step)} {}

  __device__ __forceinline__ int start(int window) const { return window * stride - begin; }
  /// Offsets in the window that fall into the plane.
  __device__ __forceinline__ Range inside(int window) const {
    return {max(0, -start(window)), min(size, in - start(window))};
  }
  /// Windows that hold the cell: those that start in (cell - size, cell].
  __device__ __forceinline__ Range holding(int cell) const {
    const int before = cell + begin - size;  // the last start that is too early
    return {before < 0 ? 0 : window_from(before) + 1, min(window_from(cell + begin) + 1, out)};
  }
  /// The last window that starts at `offset` of the padded plane or before it.
  __device__ __forceinline__ int window_from(int offset) const {
    return static_cast<int>(steps.quotient(static_cast<unsigned>(offset)));
  }
  /// Cells of the window in the plane, or in the padded plane.
  __device__ __forceinline__ int cells(int window, bool padded) const {
    if (!padded) return inside(window).end - inside(window).begin;
    return min(size, in + end - start(window));
  }
};

/// x[n,h,w,c] and y[n,p,q,c].
struct PoolGeometry {
  int n, c;
  WindowAxis rows, columns;
  explicit PoolGeometry(const PoolProblem& p)
      : n{p.n}, c{p.c}, rows{p.h, p.p(), p.r, p.u, p.ph}, columns{p.w, p.q(), p.s, p.v, p.pw} {}

  __device__ __forceinline__ int x_at(int image, int row, int column, int channel) const {
    return ((image * rows.in + row) * columns.in + column) * c + channel;
  }
  __device__ __forceinline__ int y_at(int image, int row, int column, int channel) const {
    return ((image * rows.out + row) * columns.out + column) * c + channel;
  }
};

/// Where a thread works: W channels of a pixel. Tensors have fewer than 2^31 elements.
struct PoolCell {
  int image, row, column, channel;
  /// Item of a launch over [n, rows, columns, c / W].
  __device__ __forceinline__ PoolCell(std::int64_t item, int height, int width, int vectors,
                                      int per_vector) {
    auto rest = static_cast<unsigned>(item);
    channel = static_cast<int>(rest % static_cast<unsigned>(vectors)) * per_vector;
    rest /= static_cast<unsigned>(vectors);
    column = static_cast<int>(rest % static_cast<unsigned>(width));
    rest /= static_cast<unsigned>(width);
    row = static_cast<int>(rest % static_cast<unsigned>(height));
    image = static_cast<int>(rest / static_cast<unsigned>(height));
  }
};

}  // namespace fovea::FOVEA_TARGET
