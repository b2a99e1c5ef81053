// patch.h - the index algebra of convolution: which element of an image meets which weight.
//
// All three passes read an image [n, height, width, channels] along
//   row    = i * stride + origin + t * step        (i: row of the output grid, t: tap)
//   column likewise
// forward and wgrad: the image is x, the grid y's pixels, origin = -padding, step = dilation;
// dgrad of stride u: dx falls into u * v phases by (cell + padding) modulo stride. Only every
// (u / gcd(u, dh))-th tap reaches a phase, and those read the image dy along a grid of stride 1
// with a negative step: no product with a zero is computed. See docs/kernels/direct_tiled.md.
#pragma once

#include <fovea/kernels/cuda/conv/phase.h>
#include <fovea/kernels/cuda/tile/fast_divide.h>
#include <fovea/kernels/device/target.h>
#include <fovea/kernels/ops/conv.h>

#include <algorithm>
#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// Where a grid cell's taps begin in the image.
struct Pixel {
  std::int64_t offset;  // elements from the image's begin; may lie outside of it
  int row, column;      // may lie outside of the image
};

/// Which taps of a filter with few of them, kMostFewTaps an axis, lie inside of the image: bit t
/// for row t of the filter, bit 16 + t for column t.
using InsideTaps = unsigned;
inline constexpr int kMostFewTaps = 15;
inline constexpr InsideTaps kNoTaps = 1U << kMostFewTaps;  // a bit that no pixel has

/// A tap and channel, relative to a Pixel.
struct Tap {
  std::int64_t offset;
  int row, column;
};

inline constexpr int kNowhere = -(1 << 30);  // plus any row or tap: outside of every image

/// The map; groups differ in their first channel alone.
struct Patch {
  Axis rows, columns;
  int channels = 0;    // of all groups: elements from pixel to pixel
  unsigned cells = 0;  // grid cells of all images
  unsigned depth = 0;  // taps times channels of the group: the reduction's length
  int taps_down = 0;
  FastDivide grid_columns, grid_rows;      // cell -> image, i, j
  FastDivide group_channels, taps_across;  // index of the reduction -> tap row, tap column, channel

  /// Image and grid indices of a cell.
  struct Cell {
    int image, i, j;
  };
  __device__ __forceinline__ Cell cell(unsigned index) const {
    const unsigned row = grid_columns.quotient(index);
    const unsigned image = grid_rows.quotient(row);
    return {static_cast<int>(image), static_cast<int>(grid_rows.remainder(row, image)),
            static_cast<int>(grid_columns.remainder(index, row))};
  }

  /// Cell `index` of the grid, at channel `first_channel`; kNowhere behind the last cell.
  __device__ __forceinline__ Pixel pixel(unsigned index, int first_channel) const {
    if (index >= cells) return {0, kNowhere, kNowhere};
    const Cell c = cell(index);
    const int row = c.i * rows.stride + rows.origin;
    const int column = c.j * columns.stride + columns.origin;
    const std::int64_t at = (std::int64_t{c.image} * rows.extent + row) * columns.extent + column;
    return {at * channels + first_channel, row, column};
  }

  /// Its taps inside of the image.
  __device__ __forceinline__ InsideTaps inside_taps(const Pixel& p) const {
    InsideTaps bits = 0;
#pragma unroll 1
    for (int t = 0; t < taps_down; ++t) bits |= rows.holds(p.row + t * rows.step) ? 1U << t : 0U;
    const auto across = static_cast<int>(taps_across.divisor());
#pragma unroll 1
    for (int t = 0; t < across; ++t) {
      bits |= columns.holds(p.column + t * columns.step) ? 0x10000U << t : 0U;
    }
    return bits;
  }

  /// Index of the reduction as tap and channel; kNowhere behind the last.
  __device__ __forceinline__ Tap tap(unsigned index) const {
    if (index >= depth) return {0, kNowhere, kNowhere};
    const unsigned t = group_channels.quotient(index);
    const unsigned r = taps_across.quotient(t);
    const int row = static_cast<int>(r) * rows.step;
    const int column = static_cast<int>(taps_across.remainder(t, r)) * columns.step;
    const std::int64_t at = std::int64_t{row} * columns.extent + column;
    return {at * channels + group_channels.remainder(index, t), row, column};
  }

  /// Address of the element, or nullptr in the padding.
  __device__ __forceinline__ const float* find(const float* image, const Pixel& p,
                                               const Tap& t) const {
    const bool inside = rows.holds(p.row + t.row) && columns.holds(p.column + t.column);
    return inside ? image + (p.offset + t.offset) : nullptr;
  }
};

/// The map of forward and wgrad.
inline Patch output_patch(const ConvProblem& p) {
  const auto count = [](std::int64_t n) { return static_cast<unsigned>(n); };
  return {.rows = {.extent = p.h, .stride = p.u, .origin = -p.ph.begin, .step = p.dh},
          .columns = {.extent = p.w, .stride = p.v, .origin = -p.pw.begin, .step = p.dw},
          .channels = p.c,
          .cells = count(std::int64_t{p.n} * p.p() * p.q()),
          .depth = count(std::int64_t{p.r} * p.s * p.c_per_group()),
          .taps_down = p.r,
          .grid_columns = FastDivide(count(p.q())),
          .grid_rows = FastDivide(count(p.p())),
          .group_channels = FastDivide(count(p.c_per_group())),
          .taps_across = FastDivide(count(p.s))};
}

/// The map of dgrad for one phase that has cells; depth 0 where it has no taps.
inline Patch phase_patch(const ConvProblem& p, const Phase& rows, const Phase& columns) {
  const auto count = [](std::int64_t n) { return static_cast<unsigned>(n); };
  const std::int64_t taps = std::int64_t{rows.taps} * columns.taps;
  return {.rows = rows.dy,
          .columns = columns.dy,
          .channels = p.k,
          .cells = count(std::int64_t{p.n} * rows.cells * columns.cells),
          .depth = count(taps * p.k_per_group()),
          .taps_down = rows.taps,
          .grid_columns = FastDivide(count(columns.cells)),
          .grid_rows = FastDivide(count(rows.cells)),
          .group_channels = FastDivide(count(p.k_per_group())),
          .taps_across = FastDivide(count(std::max(1, columns.taps)))};
}

/// Left operand of forward and dgrad: row = pixel of the tile, step = tap and channel (of dy: tap
/// and filter).
struct PatchSource {
  const Patch& patch;
  const float* image;  // x or dy
  const Pixel* pixel;  // of the tile, in shared memory
  __device__ __forceinline__ Pixel row(int i) const { return pixel[i]; }
  __device__ __forceinline__ Tap step(unsigned kk) const { return patch.tap(kk); }
  __device__ __forceinline__ const float* find(const Pixel& p, const Tap& t) const {
    return patch.find(image, p, t);
  }
};

}  // namespace fovea::FOVEA_TARGET
