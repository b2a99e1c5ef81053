// phase.h - the axes of convolution, and how dgrad's cells fall into phases. Plain host functions.
#pragma once

#include <numeric>

namespace fovea {

/// Along one axis, cell i of a grid meets an image at i * stride + origin + tap * step.
struct Axis {
  int extent = 0;  // of the image
  int stride = 1, origin = 0, step = 1;

  /// Whether the image has a row or column `at`.
  constexpr bool holds(int at) const {
    return static_cast<unsigned>(at) < static_cast<unsigned>(extent);
  }
};

/// One axis of one phase of dgrad: the cells first, first + stride, ... of dx, and the taps
/// first_tap, first_tap + tap_step, ... that reach them. Of `count` phases side by side each begins
/// one cell and one tap behind the one before.
struct Phase {
  int count = 1;
  int first = 0, cells = 0;
  int first_tap = 0, tap_step = 1, taps = 0;
  Axis dy;
};

/// Phase `index` of `stride` along an axis of `extent` cells, padded by `pad` before, under
/// `filter` taps of distance `dilation`, of which `outputs` outputs came.
constexpr Phase phase_of(int index, int stride, int extent, int pad, int filter, int dilation,
                         int outputs) {
  const int gcd = std::gcd(stride, dilation);
  Phase p;
  p.tap_step = stride / gcd;  // smallest t > 0 with t dilation = 0 modulo stride
  p.first = (index + stride - pad % stride) % stride;
  p.cells = p.first < extent ? (extent - p.first - 1) / stride + 1 : 0;
  if (index % gcd == 0) {
    while (p.first_tap < filter && p.first_tap * dilation % stride != index) ++p.first_tap;
    p.taps = p.first_tap < filter ? (filter - p.first_tap - 1) / p.tap_step + 1 : 0;
  }
  // Both divisions are exact: first + pad and first_tap * dilation are `index` modulo stride.
  p.dy = {.extent = outputs,
          .stride = 1,
          .origin = p.taps > 0 ? (p.first + pad - p.first_tap * dilation) / stride : 0,
          .step = -(p.tap_step * dilation / stride)};
  return p;
}

/// All phases of an axis without dilation, side by side: they meet the same dy. The first cells may
/// lie before the image, the last ones behind it, the last taps behind the filter's end.
constexpr Phase phases_together(int stride, int extent, int pad, int filter, int outputs) {
  const int before = pad / stride;
  return {.count = stride,
          .first = before * stride - pad,
          .cells = (extent - 1 + pad) / stride - before + 1,
          .tap_step = stride,
          .taps = (filter + stride - 1) / stride,
          .dy = {.extent = outputs, .stride = 1, .origin = before, .step = -1}};
}

}  // namespace fovea
