// shape.h - extents of a tensor, with 64-bit counts that never wrap.
#pragma once

#include <fovea/core/api.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace fovea {

/// a * b for counts and byte sizes. Throws InvalidArgument where it would not fit, or for a
/// negative factor: the one place where sizes are multiplied.
FOVEA_API std::int64_t checked_mul(std::int64_t a, std::int64_t b);

/// Up to four extents, outermost first: an activation is {n, h, w, c}, a filter {k, r, s, c}.
/// Trivially copyable; equal only if rank and extents are.
class FOVEA_API Shape {
 public:
  static constexpr int kMaxRank = 4;

  constexpr Shape() = default;
  /// Throws InvalidArgument for more than four extents, an extent below 0, or a product above 2^63.
  Shape(std::initializer_list<std::int64_t> extents);

  constexpr int rank() const { return rank_; }
  /// Extent i; negative i counts from the end.
  constexpr std::int64_t operator[](int i) const { return extent_[i < 0 ? i + rank_ : i]; }
  /// Product of the extents; 1 for rank 0.
  std::int64_t elements() const;
  /// The same shape with the first extent replaced.
  Shape with_first(std::int64_t n) const;

  friend constexpr bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::int64_t, kMaxRank> extent_{};
  int rank_ = 0;
};

/// "128x28x28x1"; "scalar" for rank 0.
FOVEA_API std::string to_string(const Shape& s);

}  // namespace fovea
