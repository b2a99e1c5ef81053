// vec.h - 1, 4 or 8 floats as GCC's vector extension: + - * / < ?: work by lane. Not 16: GCC 12
// lowers vectors before it inlines, and takes a choice among 16 lanes apart (measured: max pooling
// 30 times slower); eight are enough to be bound by memory.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace fovea::simd {

// Written out: GCC 12 drops the attribute where the size is a template parameter.
struct One {
  static constexpr int kLanes = 1;
  using Floats = float;
  using Ints = std::int32_t;
  using Bytes = std::uint8_t;
};
struct Four {
  static constexpr int kLanes = 4;
  using Floats [[gnu::vector_size(16)]] = float;
  using Ints [[gnu::vector_size(16)]] = std::int32_t;
  using Bytes [[gnu::vector_size(4)]] = std::uint8_t;
};
struct Eight {
  static constexpr int kLanes = 8;
  using Floats [[gnu::vector_size(32)]] = float;
  using Ints [[gnu::vector_size(32)]] = std::int32_t;
  using Bytes [[gnu::vector_size(8)]] = std::uint8_t;
};

// Partial sums of a row, whatever the instruction set: all give the same bits.
inline constexpr int kSumLanes = 16;

// Addresses need no alignment beyond an element's.
template <class V>
typename V::Floats load(const float* p) {
  typename V::Floats v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
template <class V>
void store(float* p, typename V::Floats v) {
  std::memcpy(p, &v, sizeof(v));
}
template <class V>
typename V::Ints load_bytes(const std::uint8_t* p) {
  typename V::Bytes b;
  std::memcpy(&b, p, sizeof(b));
  if constexpr (std::is_same_v<V, One>) {
    return b;
  } else {
    return __builtin_convertvector(b, typename V::Ints);
  }
}
template <class V>
void store_bytes(std::uint8_t* p, typename V::Ints v) {
  typename V::Bytes b;
  if constexpr (std::is_same_v<V, One>) {
    b = static_cast<std::uint8_t>(v);
  } else {
    b = __builtin_convertvector(v, typename V::Bytes);
  }
  std::memcpy(p, &b, sizeof(b));
}

/// f.operator()<V>(i) for the elements [i, i + lanes) of [0, count), with V = Widest as long as it
/// fits, then Four, then One.
template <class Widest, class F>
void for_each_vector(int count, const F& f) {
  int i = 0;
  for (; i + Widest::kLanes <= count; i += Widest::kLanes) f.template operator()<Widest>(i);
  for (; i + Four::kLanes <= count; i += Four::kLanes) f.template operator()<Four>(i);
  for (; i < count; ++i) f.template operator()<One>(i);
}

}  // namespace fovea::simd
