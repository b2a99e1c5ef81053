// vec.h - a register's worth of floats, as GCC's vector extension: + - * / < ?: work by lane.
#pragma once

#include <cstdint>
#include <cstring>

namespace fovea::simd {

// Written out: GCC 12 drops the attribute where the size is a template parameter.
template <int kLanes>
struct Registers;
template <>
struct Registers<1> {
  using Floats = float;
  using Ints = std::int32_t;
  using Bytes = std::uint8_t;
};
template <>
struct Registers<4> {
  using Floats [[gnu::vector_size(16)]] = float;
  using Ints [[gnu::vector_size(16)]] = std::int32_t;
  using Bytes [[gnu::vector_size(4)]] = std::uint8_t;
};
template <>
struct Registers<8> {
  using Floats [[gnu::vector_size(32)]] = float;
  using Ints [[gnu::vector_size(32)]] = std::int32_t;
  using Bytes [[gnu::vector_size(8)]] = std::uint8_t;
};
template <>
struct Registers<16> {
  using Floats [[gnu::vector_size(64)]] = float;
  using Ints [[gnu::vector_size(64)]] = std::int32_t;
  using Bytes [[gnu::vector_size(16)]] = std::uint8_t;
};

template <int kLanes>
struct Vec : Registers<kLanes> {
  using typename Registers<kLanes>::Floats;
  using typename Registers<kLanes>::Ints;
  using typename Registers<kLanes>::Bytes;

  // Addresses need no alignment beyond an element's.
  static Floats load(const float* p) {
    Floats v;
    std::memcpy(&v, p, sizeof(v));
    return v;
  }
  static void store(float* p, Floats v) { std::memcpy(p, &v, sizeof(v)); }
  static Ints load_bytes(const std::uint8_t* p) {
    Bytes b;
    std::memcpy(&b, p, sizeof(b));
    if constexpr (kLanes == 1) {
      return b;
    } else {
      return __builtin_convertvector(b, Ints);
    }
  }
  static void store_bytes(std::uint8_t* p, Ints v) {
    Bytes b;
    if constexpr (kLanes == 1) {
      b = static_cast<std::uint8_t>(v);
    } else {
      b = __builtin_convertvector(v, Bytes);
    }
    std::memcpy(p, &b, sizeof(b));
  }
  static Floats all(float v) { return Floats{} + v; }
};

/// Calls f(i) for every full vector of [0, count), and once more for the last kLanes elements where
/// some are left over: work done twice must not matter. count >= kLanes.
template <int kLanes, class F>
void for_each_vector(int count, const F& f) {
  for (int i = 0; i + kLanes <= count; i += kLanes) f(i);
  if (count % kLanes != 0) f(count - kLanes);
}

}  // namespace fovea::simd
