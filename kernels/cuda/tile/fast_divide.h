// fast_divide.h - unsigned division by a number known before the loop: one multiplication and a
// shift in place of the twenty-odd instructions of a GPU's integer division.
#pragma once

#include <fovea/core/api.h>

#include <cstdint>

namespace fovea {

/// n / d for n < 2^31 and 1 <= d < 2^31.
///
/// With l = ceil(log2 d), m = ceil(2^(31+l) / d): m d = 2^(31+l) + e with e < d <= 2^l, so n e <
/// 2^(31+l) and floor(n m / 2^(31+l)) = floor(n / d). m < 2^32 for every d but 1 (Granlund and
/// Montgomery, Division by Invariant Integers using Multiplication, PLDI 1994, theorem 4.2).
class FastDivide {
 public:
  FastDivide() = default;
  FOVEA_HD constexpr explicit FastDivide(unsigned d) : divisor_{d} {
    unsigned l = 0;
    while ((1U << l) < d) ++l;
    if (d == 1) return;
    multiplier_ = static_cast<std::uint32_t>(((std::uint64_t{1} << (31 + l)) + d - 1) / d);
    shift_ = l - 1;
  }

  FOVEA_HD constexpr unsigned divisor() const { return divisor_; }
  FOVEA_HD constexpr unsigned quotient(unsigned n) const {
    const auto high = static_cast<std::uint32_t>((std::uint64_t{n} * multiplier_) >> 32);
    return divisor_ == 1 ? n : high >> shift_;
  }
  /// n modulo d, where q = quotient(n).
  FOVEA_HD constexpr unsigned remainder(unsigned n, unsigned q) const { return n - q * divisor_; }

 private:
  std::uint32_t divisor_ = 1;
  std::uint32_t multiplier_ = 0;
  std::uint32_t shift_ = 0;
};

}  // namespace fovea
