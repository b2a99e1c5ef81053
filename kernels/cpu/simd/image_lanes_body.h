// image_lanes_body.h - the loops of image_lanes.h, for image_lanes_{avx2,avx512}.cpp alone, each
// compiled for its instruction set: GCC takes wide vectors apart in functions of a narrower set
// before it inlines them into a wide one.
//
// Everything here has internal linkage and calls nothing of the standard library that is not a
// builtin, so that no function compiled for a wide set can be linked in elsewhere.
#pragma once

#include <fovea/kernels/cpu/simd/image_lanes.h>
#include <fovea/kernels/cpu/simd/wide.h>

#include <cstdint>

namespace fovea::simd {
namespace {

template <int kWidth>
using Floats = typename Wide<kWidth>::Floats;

inline int smaller(int a, int b) { return a < b ? a : b; }
inline int larger(int a, int b) { return a > b ? a : b; }

// --- Between rows of images and lanes -----------------------------------------------------------

constexpr int kBlock = 8;  // images and elements that are transposed at a time
using Eight = Floats<kBlock>;
using Order = Lanes<kBlock>::Ints;

/// Rows become columns.
inline void transpose(Eight (&v)[kBlock]) {
  constexpr Order kLow{0, 8, 1, 9, 4, 12, 5, 13}, kHigh{2, 10, 3, 11, 6, 14, 7, 15};
  constexpr Order kLowPairs{0, 1, 8, 9, 4, 5, 12, 13}, kHighPairs{2, 3, 10, 11, 6, 7, 14, 15};
  constexpr Order kLowHalves{0, 1, 2, 3, 8, 9, 10, 11}, kHighHalves{4, 5, 6, 7, 12, 13, 14, 15};
  Eight pairs[kBlock], fours[kBlock];
#pragma GCC unroll 4
  for (int i = 0; i < kBlock; i += 2) {
    pairs[i] = __builtin_shuffle(v[i], v[i + 1], kLow);
    pairs[i + 1] = __builtin_shuffle(v[i], v[i + 1], kHigh);
  }
#pragma GCC unroll 2
  for (int i = 0; i < kBlock; i += 4) {
    fours[i] = __builtin_shuffle(pairs[i], pairs[i + 2], kLowPairs);
    fours[i + 1] = __builtin_shuffle(pairs[i], pairs[i + 2], kHighPairs);
    fours[i + 2] = __builtin_shuffle(pairs[i + 1], pairs[i + 3], kLowPairs);
    fours[i + 3] = __builtin_shuffle(pairs[i + 1], pairs[i + 3], kHighPairs);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kBlock / 2; ++i) {
    v[i] = __builtin_shuffle(fours[i], fours[i + 4], kLowHalves);
    v[i + 4] = __builtin_shuffle(fours[i], fours[i + 4], kHighHalves);
  }
}

/// f(i) for the blocks that cover [0, count), the last moved back to end there; false where count
/// is less than a block.
template <class F>
inline bool blocks(std::int64_t count, const F& f) {
  if (count < kBlock) return false;
  for (std::int64_t i = 0; i + kBlock <= count; i += kBlock) f(i);
  if (count % kBlock != 0) f(count - kBlock);
  return true;
}

void gather(const float* const* rows, std::int64_t count, float* to) {
  for (int lane = 0; lane < kImages; lane += kBlock) {
    const float* const* const from = rows + lane;
    const bool done = blocks(count, [&](std::int64_t at) {
      Eight v[kBlock];
#pragma GCC unroll 8
      for (int i = 0; i < kBlock; ++i) v[i] = Wide<kBlock>::load(from[i] + at);
      transpose(v);
#pragma GCC unroll 8
      for (int i = 0; i < kBlock; ++i) Wide<kBlock>::store(to + (at + i) * kImages + lane, v[i]);
    });
    if (done) continue;
    for (std::int64_t at = 0; at < count; ++at) {
      for (int i = 0; i < kBlock; ++i) to[at * kImages + lane + i] = from[i][at];
    }
  }
}

void scatter(const float* from, std::int64_t count, float* const* rows) {
  for (int lane = 0; lane < kImages; lane += kBlock) {
    float* const* const to = rows + lane;
    const bool done = blocks(count, [&](std::int64_t at) {
      Eight v[kBlock];
#pragma GCC unroll 8
      for (int i = 0; i < kBlock; ++i) v[i] = Wide<kBlock>::load(from + (at + i) * kImages + lane);
      transpose(v);
#pragma GCC unroll 8
      for (int i = 0; i < kBlock; ++i) Wide<kBlock>::store(to[i] + at, v[i]);
    });
    if (done) continue;
    for (std::int64_t at = 0; at < count; ++at) {
      for (int i = 0; i < kBlock; ++i) to[i][at] = from[at * kImages + lane + i];
    }
  }
}

// --- Tiles --------------------------------------------------------------------------------------

// Pixels (or taps) of a tile: with kFilterTile filters as many accumulators as leave registers for
// the factors, of 16 and 32.
template <int kWidth>
constexpr int kAcross = kWidth == 16 ? 4 : 2;

/// How the taps of a filter row lie: `runs` of `length` taps side by side in the plane.
struct Runs {
  int runs, length;
  std::int64_t step;  // floats of the plane from one run to the next
};

/// Taps [begin, end) of a filter row. Without dilation and groups they are one run.
inline Runs runs_of(const Correlation& x, int begin, int end) {
  const int c = x.c_per_group();
  const std::int64_t step = std::int64_t{x.dw} * x.c * kImages;
  return x.dw == 1 && x.groups == 1 ? Runs{1, (end - begin) * c, step} : Runs{end - begin, c, step};
}

/// A pixel tile: its taps that some pixel of it meets inside the plane, and floats between pixels.
struct Pixels {
  std::int64_t at, across;
  int begin, end;
};

template <int kWidth, int kPixels, int kFilters>
void pixel_tile(const Correlation& x, const TapRows& rows, const Pixels& pixels, const float* band,
                const float* packed, const float* bias, float* out) {
  using V = Floats<kWidth>;
  V sums[kFilters][kPixels];
#pragma GCC unroll 8
  for (int f = 0; f < kFilters; ++f) {
#pragma GCC unroll 8
    for (int j = 0; j < kPixels; ++j)
      sums[f][j] = Wide<kWidth>::all(bias == nullptr ? 0.0F : bias[f]);
  }
  const Runs runs = runs_of(x, pixels.begin, pixels.end);
  const int c = x.c_per_group();
  for (int r = rows.begin; r < rows.end; ++r) {
    const float* first = band + rows.at + r * rows.down + pixels.at;
    const float* w = packed + (std::int64_t{r} * x.s + pixels.begin) * c * kFilters;
    for (int run = 0; run < runs.runs; ++run, first += runs.step) {
      const float* in = first;
      for (int t = 0; t < runs.length; ++t, in += kImages, w += kFilters) {
        V factors[kPixels];
#pragma GCC unroll 8
        for (int j = 0; j < kPixels; ++j) factors[j] = Wide<kWidth>::load(in + j * pixels.across);
#pragma GCC unroll 8
        for (int f = 0; f < kFilters; ++f) {
          const V weight = Wide<kWidth>::all(w[f]);
#pragma GCC unroll 8
          for (int j = 0; j < kPixels; ++j) sums[f][j] += factors[j] * weight;
        }
      }
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < kPixels; ++j) {
#pragma GCC unroll 8
    for (int f = 0; f < kFilters; ++f) {
      Wide<kWidth>::store(out + (std::int64_t{j} * x.k + f) * kImages, sums[f][j]);
    }
  }
}

/// `taps` taps side by side times `filters` filters, over a band's rows; `row` is the filters' row
/// of the taps, and `tap` floats from a band row's start to what the first pixel meets.
template <int kWidth, int kTaps, int kFilters>
void tap_tile(const Correlation& x, const TapRows* rows, int count, int row, std::int64_t tap,
              const float* band, const float* dy, float* sums) {
  using V = Floats<kWidth>;
  const std::int64_t filter = x.filter() * kImages;
  V acc[kFilters][kTaps];
#pragma GCC unroll 8
  for (int f = 0; f < kFilters; ++f) {
#pragma GCC unroll 8
    for (int t = 0; t < kTaps; ++t) acc[f][t] = Wide<kWidth>::load(sums + f * filter + t * kImages);
  }
  const std::int64_t across = std::int64_t{x.v} * x.c * kImages, next = std::int64_t{x.k} * kImages;
  for (int i = 0; i < count; ++i) {
    if (row < rows[i].begin || row >= rows[i].end) continue;
    const float* in = band + rows[i].at + row * rows[i].down + tap;
    const float* gradient = dy + i * x.q * next;
    for (int j = 0; j < x.q; ++j, in += across, gradient += next) {
      V factors[kTaps];
#pragma GCC unroll 8
      for (int t = 0; t < kTaps; ++t) factors[t] = Wide<kWidth>::load(in + t * kImages);
#pragma GCC unroll 8
      for (int f = 0; f < kFilters; ++f) {
        const V g = Wide<kWidth>::load(gradient + f * kImages);
#pragma GCC unroll 8
        for (int t = 0; t < kTaps; ++t) acc[f][t] += factors[t] * g;
      }
    }
  }
#pragma GCC unroll 8
  for (int f = 0; f < kFilters; ++f) {
#pragma GCC unroll 8
    for (int t = 0; t < kTaps; ++t) Wide<kWidth>::store(sums + f * filter + t * kImages, acc[f][t]);
  }
}

/// f.operator()<n>() for n = `count`, 1 to kMost.
template <int kMost, class F>
inline void with_count(int count, const F& f) {
  if constexpr (kMost > 0) {
    if (count == kMost) {
      f.template operator()<kMost>();
    } else {
      with_count<kMost - 1>(count, f);
    }
  }
}

/// f(first, count) for the tiles of [0, count), at most kMost each.
template <int kMost, class F>
inline void tiles(int count, const F& f) {
  const int parts = parts_of(count, kMost);
  for (int i = 0; i < parts; ++i) {
    const int begin = part_begin(count, kMost, i);
    f(begin, part_begin(count, kMost, i + 1) - begin);
  }
}

inline int quotient_up(int a, int b) {
  return (a + b - 1) / b;
}  // a may be below 0: then 0 or less

/// The taps of a filter row that columns [first, first + count) of an output row meet.
inline Pixels pixels_of(const Correlation& x, int first, int count) {
  const std::int64_t cell = std::int64_t{x.c} * kImages;
  const int before = x.left - (first + count - 1) * x.v;  // of the last pixel, beyond the left edge
  const int inside = x.w - 1 + x.left - first * x.v;      // of the first pixel, to the right edge
  const int begin = before > 0 ? smaller(quotient_up(before, x.dw), x.s) : 0;
  const int end = inside < 0 ? 0 : smaller(inside / x.dw + 1, x.s);
  return {(std::int64_t{first} * x.v + std::int64_t{begin} * x.dw) * cell, x.v * cell, begin,
          larger(begin, end)};
}

template <int kWidth>
void row(const Correlation& x, const TapRows& taps, const float* band, const float* packed,
         const float* bias, float* out) {
  const std::int64_t filter = x.filter();
  for (int g = 0; g < x.groups; ++g) {
    const float* const in = band + std::int64_t{g} * x.c_per_group() * kImages;
    tiles<kFilterTile>(x.k_per_group(), [&](int first, int filters) {
      const int f = g * x.k_per_group() + first;
      const float* const w = packed + f * filter;
      const float* const b = bias == nullptr ? nullptr : bias + f;
      tiles<kAcross<kWidth>>(x.q, [&](int j, int count) {
        const Pixels pixels = pixels_of(x, j, count);
        float* const to = out + (std::int64_t{j} * x.k + f) * kImages;
        with_count<kFilterTile>(filters, [&]<int kFilters>() {
          with_count<kAcross<kWidth>>(count, [&]<int kPixels>() {
            for (int lane = 0; lane < kImages; lane += kWidth) {
              pixel_tile<kWidth, kPixels, kFilters>(x, taps, pixels, in + lane, w, b, to + lane);
            }
          });
        });
      });
    });
  }
}

template <int kWidth>
void products(const Correlation& x, const TapRows* taps, int rows, const float* band,
              const float* dy, float* sums) {
  const Runs runs = runs_of(x, 0, x.s);
  tiles<kFilterTile>(x.k, [&](int f, int filters) {
    for (int r = 0; r < x.r; ++r) {
      for (int run = 0; run < runs.runs; ++run) {
        tiles<kAcross<kWidth>>(runs.length, [&](int t, int count) {
          const std::int64_t tap = run * runs.step + std::int64_t{t} * kImages;
          const std::int64_t row_of_taps = std::int64_t{r} * x.s * x.c;
          const std::int64_t at = f * x.filter() + row_of_taps + run * runs.length + t;
          with_count<kFilterTile>(filters, [&]<int kFilters>() {
            with_count<kAcross<kWidth>>(count, [&]<int kTaps>() {
              for (int lane = 0; lane < kImages; lane += kWidth) {
                tap_tile<kWidth, kTaps, kFilters>(x, taps, rows, r, tap, band + lane,
                                                  dy + std::int64_t{f} * kImages + lane,
                                                  sums + at * kImages + lane);
              }
            });
          });
        });
      }
    }
  });
}

// --- Sums and epilogues -------------------------------------------------------------------------

void channel_sums(std::int64_t pixels, int k, const float* dy, float* sums) {
  const std::int64_t lanes = std::int64_t{k} * kImages;
  for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (std::int64_t i = 0; i < lanes; ++i) sums[i] += dy[pixel * lanes + i];
  }
}

void totals(const float* sums, int shares, std::int64_t share, std::int64_t count, bool accumulate,
            float* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    Eight low = Wide<kBlock>::load(sums + i * kImages),
          high = Wide<kBlock>::load(sums + i * kImages + kBlock);
    for (int s = 1; s < shares; ++s) {
      const float* const at = sums + s * share + i * kImages;
      low += Wide<kBlock>::load(at);
      high += Wide<kBlock>::load(at + kBlock);
    }
    Eight v = low + high;
    v += __builtin_shuffle(v, Order{4, 5, 6, 7, 0, 1, 2, 3});
    v += __builtin_shuffle(v, Order{2, 3, 0, 1, 6, 7, 4, 5});
    const float total = v[0] + v[1];
    out[i] = accumulate ? out[i] + total : total;
  }
}

void merge(const float* v, const float* mask, bool accumulate, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = mask == nullptr || mask[i] > 0.0F ? v[i * kImages] : 0.0F;
    out[i] = accumulate ? out[i] + value : value;
  }
}

template <int kWidth>
constexpr LaneLoops kLoops{gather,       scatter, row<kWidth>, products<kWidth>,
                           channel_sums, totals,  merge};

}  // namespace
}  // namespace fovea::simd
