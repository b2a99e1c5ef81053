// image_lanes.h - planes of 16 images at a time, an image a lane: what convolutions of few channels
// are computed on (image_lanes_plan.h). Each product of a tap is one instruction for 16 images,
// however few channels and pixels there are, and a tap outside the plane costs nothing.
//
// A plane of a group of images is [row][column][channel][image]. As cuda-convnet's layout, which
// had images innermost too (Krizhevsky 2012).
#pragma once

#include <fovea/kernels/cpu/simd/simd.h>

#include <cstdint>

namespace fovea::simd {

inline constexpr int kImages = 16;  // of a group; as floats, a cache line

/// A correlation of planes, stride u x v, dilation dh x dw:
///   out[i][j][f] = sum over r, s, c of  in[i*u + r*dh - top][j*v + s*dw - left][c] * w[f][r][s][c]
/// c and k count all groups of channels; of a filter's c / groups channels the first is
/// f / (k / groups) * (c / groups).
struct Correlation {
  int h = 0, w = 0, c = 0;
  int p = 0, q = 0, k = 0;
  int r = 0, s = 0;
  int u = 1, v = 1, dh = 1, dw = 1;
  int top = 0, left = 0;  // of the padding; below 0: so many cells are not read
  int groups = 1;

  int c_per_group() const { return c / groups; }
  int k_per_group() const { return k / groups; }
  /// Columns that a row of outputs reads, the first of them `left` before the plane's first.
  int columns() const { return (q - 1) * v + (s - 1) * dw + 1; }
  std::int64_t filter() const { return std::int64_t{r} * s * c_per_group(); }
};

/// What the taps of an output row read: those of filter row i, of [begin, end), the row of
/// columns() at floats `at + i * down` of the band.
struct TapRows {
  std::int64_t at = 0, down = 0;
  int begin = 0, end = 0;
};

/// Filters are taken so many at a time, at most: what the accumulators of a tile leave registers
/// for.
inline constexpr int kFilterTile = 6;

/// [0, count) cut evenly into parts of at most `most`: where part i begins.
constexpr int parts_of(int count, int most) { return (count + most - 1) / most; }
constexpr int part_begin(int count, int most, int i) { return count * i / parts_of(count, most); }

/// The loops, compiled for one instruction set; the same bits from each. They fuse products and
/// sums, so there is none for CPUs without that.
struct LaneLoops {
  /// to[i][lane] = rows[lane][i], i in [0, count).
  void (*gather)(const float* const* rows, std::int64_t count, float* to);
  /// rows[lane][i] = from[i][lane].
  void (*scatter)(const float* from, std::int64_t count, float* const* rows);
  /// An output row, out[j][f][lane], from `bias` (may be nullptr) on. `packed`: of each tile of
  /// filters of each group [r][s][c][filter of the tile].
  void (*row)(const Correlation& x, const TapRows& taps, const float* band, const float* packed,
              const float* bias, float* out);
  /// sums[f][r][s][c][lane] += dy[j][f][lane] * what it met, over `rows` output rows; dy has q * k
  /// groups of lanes a row. One group of channels.
  void (*products)(const Correlation& x, const TapRows* taps, int rows, const float* band,
                   const float* dy, float* sums);
  /// sums[f][lane] += dy[pixel][f][lane].
  void (*channel_sums)(std::int64_t pixels, int k, const float* dy, float* sums);
  /// out[i] = (accumulate ? out[i] : 0) + sums[i] over lanes and over `shares` arrays, each `share`
  /// floats behind the last.
  void (*totals)(const float* sums, int shares, std::int64_t share, std::int64_t count,
                 bool accumulate, float* out);
  /// out[i] = (accumulate ? out[i] : 0) + (mask[i] > 0 ? v[i] : 0), v[i] at v[i * kImages]: of one
  /// lane; mask may be nullptr.
  void (*merge)(const float* v, const float* mask, bool accumulate, std::int64_t count, float* out);
};

/// The loops for an instruction set; nullptr for `baseline`.
const LaneLoops* lane_loops(Isa isa);

}  // namespace fovea::simd
