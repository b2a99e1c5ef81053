// odometer.h - an index of the reduction as three digits (channel, tap column, tap row; or column,
// row, image of a pixel) that goes up by a fixed step without a division: the step's own digits are
// known before the loop, and each digit carries once at most.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/cuda/tile/fast_divide.h>

namespace fovea {

/// high * (middle's radix * low's radix) + middle * low's radix + low.
struct Digits {
  unsigned low = 0, middle = 0, high = 0;
  friend constexpr bool operator==(const Digits&, const Digits&) = default;
};

/// Two radices; the highest digit has none.
struct Odometer {
  FastDivide low, middle;

  FOVEA_HD constexpr Digits digits(unsigned n) const {
    const unsigned rest = low.quotient(n);
    const unsigned high = middle.quotient(rest);
    return {low.remainder(n, rest), middle.remainder(rest, high), high};
  }
  /// d + step. A digit of the sum is below twice its radix: one carry.
  FOVEA_HD constexpr Digits sum(const Digits& d, const Digits& step) const {
    Digits s{d.low + step.low, d.middle + step.middle, d.high + step.high};
    if (s.low >= low.divisor()) {
      s.low -= low.divisor();
      ++s.middle;
    }
    if (s.middle >= middle.divisor()) {
      s.middle -= middle.divisor();
      ++s.high;
    }
    return s;
  }
};

}  // namespace fovea
