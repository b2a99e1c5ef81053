// wide.h - vectors as wide as the instruction set that a file is compiled for: for the bodies of
// loops that are compiled once for each set, in files of their own (Winograd's,
// image_lanes_body.h). What is compiled into a function by its target attribute uses vec.h.
//
// Everything here has internal linkage and calls nothing of the standard library that is not a
// builtin, so that no function compiled for a wide set can be linked in elsewhere.
#pragma once

namespace fovea::simd {
namespace {

// Written out: GCC 12 drops the attribute where the size is a template parameter.
template <int kLanes>
struct Lanes;
template <>
struct Lanes<1> {
  using Floats = float;
};
template <>
struct Lanes<4> {
  using Floats [[gnu::vector_size(16)]] = float;
};
template <>
struct Lanes<8> {
  using Floats [[gnu::vector_size(32)]] = float;
  using Ints [[gnu::vector_size(32)]] = int;
};
template <>
struct Lanes<16> {
  using Floats [[gnu::vector_size(64)]] = float;
};

template <int kLanes>
struct Wide {
  using Floats = typename Lanes<kLanes>::Floats;
  // Addresses need no alignment beyond an element's.
  static Floats load(const float* p) {
    Floats v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
  }
  static void store(float* p, Floats v) { __builtin_memcpy(p, &v, sizeof(v)); }
  /// v in each lane. Not 0 + v, which is an addition where v may be -0.
  static Floats all(float v) { return v - Floats{}; }
};

}  // namespace
}  // namespace fovea::simd
