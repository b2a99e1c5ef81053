// folded_taps.h - where a filter's taps lie in both orders of fold_weights.h.
#pragma once

#include <fovea/kernels/ops/fold_weights.h>

#include <cstdint>

namespace fovea::reference {

/// f(tap of w, the same tap of ws): c elements each. Nothing is called for ws behind the filter.
template <class W, class Ws, class F>
void for_each_tap(const FoldWeightsProblem& p, W* w, Ws* ws, const F& f) {
  const std::int64_t rows = p.ws_shape()[1], columns = p.ws_shape()[2];
  for (std::int64_t tap = 0; tap < std::int64_t{p.k} * p.r * p.s; ++tap) {
    const std::int64_t k = tap / p.s / p.r, r = tap / p.s % p.r, s = tap % p.s;
    const std::int64_t block = (k * rows + r / p.u) * columns + s / p.u;
    f(w + tap * p.c, ws + ((block * p.u + r % p.u) * p.u + s % p.u) * p.c);
  }
}

}  // namespace fovea::reference
