// tolerance.h - how far an fp32 result may be from the exact one. Internal. docs/numerics.md
// derives it.
#pragma once

#include <fovea/core/dtype.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace fovea::compare {

/// Half the distance from 1 to the next float: the relative error of one rounding to nearest.
inline constexpr double kUnitRoundoff = 0x1p-24;

/// Times kUnitRoundoff and the sum of |products|: the error of a sum of `length` rounded products
/// in any order. Roundings to nearest are as good as independent, so errors grow with the root:
/// Higham and Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput.
/// 41(5), 2019, theorem 2.4: lambda sqrt(length) with lambda = 7 fails once in 10^10. Never more
/// than the certain bound, `length`. Tensor cores truncate, which adds up: there the certain bound,
/// twice, since truncation errs by a whole unit in the last place.
inline double sum_error_factor(std::int64_t length, Math math) {
  const auto n = static_cast<double>(length);
  if (math != Math::fp32) return 2 * (n + 2);
  return std::min(n, 7 * std::sqrt(n)) + 2;  // + the product's rounding and the last one
}

}  // namespace fovea::compare
