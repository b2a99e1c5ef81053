// winograd_body.h - the loops of winograd_loops.h, for winograd_{baseline,avx2,avx512}.cpp alone,
// each compiled for its instruction set: GCC takes wide vectors apart in functions of a narrower
// set before it inlines them into a wide one.
//
// Everything here has internal linkage and calls nothing of the standard library that is not a
// builtin, so that no function compiled for a wide set can be linked in elsewhere.
#pragma once

#include <fovea/kernels/cpu/onednn/toom_cook.h>
#include <fovea/kernels/cpu/onednn/winograd_loops.h>
#include <fovea/kernels/cpu/simd/wide.h>

#include <cstdint>

namespace fovea::onednn {
namespace {

template <int kLanes>
using Vec = simd::Wide<kLanes>;

/// Calls f.operator()<lanes>(i) for vectors that cover [0, count), the widest that fit first, each
/// element once.
template <int kLanes, class F>
inline void cover(int count, const F& f) {
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) f.template operator()<kLanes>(i);
  if constexpr (kLanes > 8) {
    if (i + 8 <= count) {
      f.template operator()<8>(i);
      i += 8;
    }
  }
  if constexpr (kLanes > 4) {
    if (i + 4 <= count) {
      f.template operator()<4>(i);
      i += 4;
    }
  }
  for (; i < count; ++i) f.template operator()<1>(i);
}

inline int smaller(int a, int b) { return a < b ? a : b; }

/// Where a tile lies: its image, and its first cell, which may be outside.
struct Place {
  std::int64_t image;
  int row, column;
};

inline Place place_of(const TiledPlanes& p, std::int64_t tile) {
  const std::int64_t per_image = std::int64_t{p.tiles_h} * p.tiles_w;
  const auto inside = static_cast<int>(tile % per_image);
  return {tile / per_image, inside / p.tiles_w * kOutputs + p.offset_h,
          inside % p.tiles_w * kOutputs + p.offset_w};
}

/// kSide x kSide cells from `at` on into v, zeros outside.
template <int kLanes, int kSide>
inline void load_cells(const TiledPlanes& p, const Place& at, const float* x,
                       typename Vec<kLanes>::Floats* v) {
  using V = Vec<kLanes>;
  const std::int64_t across = p.all_channels, down = across * p.w;
  const std::int64_t corner =
      (at.image * p.h + at.row) * down + at.column * across;  // maybe outside
  if (at.row >= 0 && at.column >= 0 && at.row + kSide <= p.h && at.column + kSide <= p.w) {
    for (int i = 0; i < kSide; ++i) {
      for (int j = 0; j < kSide; ++j)
        v[i * kSide + j] = V::load(x + corner + i * down + j * across);
    }
    return;
  }
  for (int i = 0; i < kSide; ++i) {
    const int row = at.row + i;
    for (int j = 0; j < kSide; ++j) {
      const int column = at.column + j;
      const bool inside = row >= 0 && row < p.h && column >= 0 && column < p.w;
      v[i * kSide + j] = inside ? V::load(x + (corner + i * down + j * across)) : V::all(0.0F);
    }
  }
}

template <int kTile, bool kGradient>
struct TilesIn {
  template <int kLanes>
  static void one(const TiledPlanes& p, const Place& at, const float* x, std::int64_t place,
                  float* out) {
    using F = typename Vec<kLanes>::Floats;
    constexpr int kSide = kGradient ? kOutputs : kTile;
    F cells[kSide * kSide], half[kTile * kSide], row[kTile];
    load_cells<kLanes, kSide>(p, at, x, cells);
    for (int j = 0; j < kSide; ++j) {
      if constexpr (kGradient) {
        transform_filter<kTile, kOutputs>(cells + j, kSide, half + j, kSide);
      } else {
        transform_input<kTile>(cells + j, kSide, half + j, kSide);
      }
    }
    for (int i = 0; i < kTile; ++i) {
      if constexpr (kGradient) {
        transform_filter<kTile, kOutputs>(half + i * kSide, 1, row, 1);
      } else {
        transform_input<kTile>(half + i * kSide, 1, row, 1);
      }
      for (int j = 0; j < kTile; ++j) {
        Vec<kLanes>::store(out + (std::int64_t{i} * kTile + j) * place, row[j]);
      }
    }
  }

  template <int kLanes>
  static void run(const TiledPlanes* p, const TileRange* r, const float* x, std::int64_t place,
                  float* out) {
    for (std::int64_t tile = 0; tile < r->count; ++tile) {
      const Place at = place_of(*p, r->first + tile);
      cover<kLanes>(r->channels, [&]<int kWidth>(int c) {
        one<kWidth>(*p, at, x + r->channel + c, place, out + tile * r->channels + c);
      });
    }
  }
};

template <int kTile>
struct TilesOut {
  template <int kLanes>
  static void one(const TiledPlanes& p, const Place& at, const float* m, std::int64_t place,
                  const TileEpilogue& e, std::int64_t channel, const float* bias, float* y) {
    using V = Vec<kLanes>;
    using F = typename V::Floats;
    F half[kOutputs * kTile], column[kTile], row[kOutputs];
    for (int j = 0; j < kTile; ++j) {
      for (int i = 0; i < kTile; ++i) {
        column[i] = V::load(m + (std::int64_t{i} * kTile + j) * place);
      }
      transform_output<kTile, kOutputs>(column, 1, half + j, kTile);
    }
    const F zero = V::all(0.0F);
    for (int i = 0; i < smaller(kOutputs, p.h - at.row); ++i) {
      transform_output<kTile, kOutputs>(half + i * kTile, 1, row, 1);
      for (int j = 0; j < smaller(kOutputs, p.w - at.column); ++j) {
        const std::int64_t cell =
            ((at.image * p.h + at.row + i) * p.w + at.column + j) * p.all_channels + channel;
        F v = row[j];
        if (bias != nullptr) v = v + V::load(bias);
        if (e.relu) v = v < zero ? zero : v;  // NaN stays
        if (e.mask != nullptr) v = V::load(e.mask + cell) > zero ? v : zero;
        if (e.accumulate) v = v + V::load(y + cell);
        V::store(y + cell, v);
      }
    }
  }

  template <int kLanes>
  static void run(const TiledPlanes* p, const TileRange* r, const float* m, std::int64_t place,
                  const TileEpilogue* e, float* y) {
    for (std::int64_t tile = 0; tile < r->count; ++tile) {
      const Place at = place_of(*p, r->first + tile);
      cover<kLanes>(r->channels, [&]<int kWidth>(int c) {
        one<kWidth>(*p, at, m + tile * r->channels + c, place, *e, r->channel + c,
                    e->bias != nullptr ? e->bias + c : nullptr, y);
      });
    }
  }
};

/// G f G^T of taps x taps vectors f, stored at u + t * place.
template <int kTile, int kTaps, int kLanes>
inline void transform_taps(const typename Vec<kLanes>::Floats* f, std::int64_t place, float* u) {
  using F = typename Vec<kLanes>::Floats;
  F half[kTile * kTaps], row[kTile];
  for (int s = 0; s < kTaps; ++s) {
    transform_filter<kTile, kTaps>(f + s, kTaps, half + s, kTaps);
  }
  for (int i = 0; i < kTile; ++i) {
    transform_filter<kTile, kTaps>(half + i * kTaps, 1, row, 1);
    for (int j = 0; j < kTile; ++j) {
      Vec<kLanes>::store(u + (std::int64_t{i} * kTile + j) * place, row[j]);
    }
  }
}

// A vector is filters here: their values lie c * taps * taps apart and are picked one by one.
template <int kTaps>
struct FiltersForward {
  static constexpr int kTile = kOutputs + kTaps - 1;
  template <int kLanes>
  static void run(const FilterRange* r, const float* w, std::int64_t place, float* u) {
    const std::int64_t filter = std::int64_t{kTaps} * kTaps * r->c;
    cover<kLanes>(r->count, [&]<int kWidth>(int i) {
      const int k = r->first + i;
      for (int c = 0; c < r->c; ++c) {
        float values[kTaps * kTaps][kWidth];
        for (int lane = 0; lane < kWidth; ++lane) {
          for (int t = 0; t < kTaps * kTaps; ++t) {
            values[t][lane] = w[(k + lane) * filter + std::int64_t{t} * r->c + c];
          }
        }
        typename Vec<kWidth>::Floats f[kTaps * kTaps];
        for (int t = 0; t < kTaps * kTaps; ++t) f[t] = Vec<kWidth>::load(values[t]);
        transform_taps<kTile, kTaps, kWidth>(f, place, u + std::int64_t{c} * r->k + k);
      }
    });
  }
};

template <int kTaps>
struct FiltersTurned {
  static constexpr int kTile = kOutputs + kTaps - 1;
  template <int kLanes>
  static void run(const FilterRange* r, const float* w, std::int64_t place, float* u) {
    for (std::int64_t k = r->first; k < r->first + r->count; ++k) {
      cover<kLanes>(r->c, [&]<int kWidth>(int c) {
        typename Vec<kWidth>::Floats f[kTaps * kTaps];
        for (int t = 0; t < kTaps * kTaps; ++t) {
          f[kTaps * kTaps - 1 - t] = Vec<kWidth>::load(w + (k * kTaps * kTaps + t) * r->c + c);
        }
        transform_taps<kTile, kTaps, kWidth>(f, place, u + k * r->c + c);
      });
    }
  }
};

template <int kTaps>
struct FiltersOut {
  static constexpr int kTile = kOutputs + kTaps - 1;
  template <int kLanes>
  static void one(const float* du, std::int64_t place, int parts, std::int64_t part_stride,
                  bool accumulate, std::int64_t tap_stride, float* dw) {
    using V = Vec<kLanes>;
    using F = typename V::Floats;
    F half[kTaps * kTile], column[kTile], row[kTaps];
    for (int j = 0; j < kTile; ++j) {
      for (int i = 0; i < kTile; ++i) {
        const float* const at = du + (std::int64_t{i} * kTile + j) * place;
        column[i] = V::load(at);
        for (int part = 1; part < parts; ++part) {
          column[i] = column[i] + V::load(at + part * part_stride);
        }
      }
      transform_output<kTile, kTaps>(column, 1, half + j, kTile);
    }
    for (int i = 0; i < kTaps; ++i) {
      transform_output<kTile, kTaps>(half + i * kTile, 1, row, 1);
      for (int j = 0; j < kTaps; ++j) {
        float* const out = dw + (i * kTaps + j) * tap_stride;
        V::store(out, accumulate ? V::load(out) + row[j] : row[j]);
      }
    }
  }

  template <int kLanes>
  static void run(const FilterRange* r, const float* du, std::int64_t place, int parts,
                  std::int64_t part_stride, bool accumulate, float* dw) {
    for (std::int64_t k = r->first; k < r->first + r->count; ++k) {
      cover<kLanes>(r->c, [&]<int kWidth>(int c) {
        one<kWidth>(du + k * r->c + c, place, parts, part_stride, accumulate, r->c,
                    dw + k * kTaps * kTaps * r->c + c);
      });
    }
  }
};

template <int kLanes>
void tiles_in(int tile, bool gradient, const TiledPlanes& planes, const TileRange& range,
              const float* x, std::int64_t place, float* out) {
  if (tile == 6) {
    gradient ? TilesIn<6, true>::run<kLanes>(&planes, &range, x, place, out)
             : TilesIn<6, false>::run<kLanes>(&planes, &range, x, place, out);
  } else {
    gradient ? TilesIn<8, true>::run<kLanes>(&planes, &range, x, place, out)
             : TilesIn<8, false>::run<kLanes>(&planes, &range, x, place, out);
  }
}

template <int kLanes>
void tiles_out(int tile, const TiledPlanes& planes, const TileRange& range, const float* m,
               std::int64_t place, const TileEpilogue& epilogue, float* y) {
  tile == 6 ? TilesOut<6>::run<kLanes>(&planes, &range, m, place, &epilogue, y)
            : TilesOut<8>::run<kLanes>(&planes, &range, m, place, &epilogue, y);
}

template <int kLanes>
void filters_forward(const FilterRange& range, const float* w, std::int64_t place, float* u) {
  range.taps == 3 ? FiltersForward<3>::run<kLanes>(&range, w, place, u)
                  : FiltersForward<5>::run<kLanes>(&range, w, place, u);
}

template <int kLanes>
void filters_turned(const FilterRange& range, const float* w, std::int64_t place, float* u) {
  range.taps == 3 ? FiltersTurned<3>::run<kLanes>(&range, w, place, u)
                  : FiltersTurned<5>::run<kLanes>(&range, w, place, u);
}

template <int kLanes>
void filters_out(const FilterRange& range, const float* du, std::int64_t place, int parts,
                 std::int64_t part_stride, bool accumulate, float* dw) {
  range.taps == 3
      ? FiltersOut<3>::run<kLanes>(&range, du, place, parts, part_stride, accumulate, dw)
      : FiltersOut<5>::run<kLanes>(&range, du, place, parts, part_stride, accumulate, dw);
}

template <int kLanes>
constexpr WinogradLoops kLoops{tiles_in<kLanes>, tiles_out<kLanes>, filters_forward<kLanes>,
                               filters_turned<kLanes>, filters_out<kLanes>};

}  // namespace
}  // namespace fovea::onednn
