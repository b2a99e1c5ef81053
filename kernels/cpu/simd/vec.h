// vec.h - 1, 2, 4 or 8 floats as GCC's vector extension: + - * / < ?: work by lane. Not 16: GCC 12
// lowers vectors before it inlines, and takes a choice among 16 lanes apart (measured: max pooling
// 30 times slower); eight are enough to be bound by memory.
//
// Tensors hold floats or bf16, loops compute on floats: bf16 is widened when loaded and rounded,
// once, when stored. By integer arithmetic, so that all instruction sets give the same bits.
#pragma once

#include <fovea/core/dtype.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace fovea::simd {

// Written out: GCC 12 drops the attribute where the size is a template parameter.
struct One {
  static constexpr int kLanes = 1;
  using Floats = float;
  using Ints = std::int32_t;
  using Words = std::uint32_t;
  using Halves = std::uint16_t;
  using Bytes = std::uint8_t;
};
struct Two {
  static constexpr int kLanes = 2;
  using Floats [[gnu::vector_size(8)]] = float;
  using Ints [[gnu::vector_size(8)]] = std::int32_t;
  using Words [[gnu::vector_size(8)]] = std::uint32_t;
  using Halves [[gnu::vector_size(4)]] = std::uint16_t;
  using Bytes [[gnu::vector_size(2)]] = std::uint8_t;
};
struct Four {
  static constexpr int kLanes = 4;
  using Floats [[gnu::vector_size(16)]] = float;
  using Ints [[gnu::vector_size(16)]] = std::int32_t;
  using Words [[gnu::vector_size(16)]] = std::uint32_t;
  using Halves [[gnu::vector_size(8)]] = std::uint16_t;
  using Bytes [[gnu::vector_size(4)]] = std::uint8_t;
};
struct Eight {
  static constexpr int kLanes = 8;
  using Floats [[gnu::vector_size(32)]] = float;
  using Ints [[gnu::vector_size(32)]] = std::int32_t;
  using Words [[gnu::vector_size(32)]] = std::uint32_t;
  using Halves [[gnu::vector_size(16)]] = std::uint16_t;
  using Bytes [[gnu::vector_size(8)]] = std::uint8_t;
};

// Partial sums of a row, whatever the instruction set: all give the same bits.
inline constexpr int kSumLanes = 16;

// Lanes of whole numbers as wider ones, one by one: GCC 12 makes one instruction of that where it
// makes four of __builtin_convertvector.
template <class V, class To, class From>
To widened_lanes(From v) {
  if constexpr (std::is_same_v<V, One>) {
    return v;
  } else {
    return [&]<int... lane>(std::integer_sequence<int, lane...>) { return To{v[lane]...}; }
    (std::make_integer_sequence<int, V::kLanes>{});
  }
}
// The lower parts of lanes.
template <class V, class To, class From>
To narrowed_lanes(From v) {
  if constexpr (std::is_same_v<V, One>) {
    return static_cast<To>(v);
  } else {
    return __builtin_convertvector(v, To);
  }
}

/// The bits of bf16 in the lower half of each lane: core's to_bf16(), by lane.
template <class V>
typename V::Words bf16_bits(typename V::Floats v) {
  const auto u = std::bit_cast<typename V::Words>(v);
  const typename V::Words nearest = u + 0x7fffU + ((u >> 16) & 1U);
  const typename V::Words quiet = u | 0x400000U;
  return (v == v ? nearest : quiet) >> 16;
}

// One element of a tensor, for loops that the compiler makes vectors of.
inline float widened(float v) { return v; }
inline float widened(bf16 v) { return to_float(v); }
template <class T>
T narrowed(float v) {
  if constexpr (std::is_same_v<T, float>) {
    return v;
  } else {
    return {static_cast<std::uint16_t>(bf16_bits<One>(v))};
  }
}

/// The element, or 0, chosen by its bits: a choice between structs does not become vectors.
inline float where(bool keep, float v) { return keep ? v : 0.0F; }
inline bf16 where(bool keep, bf16 v) { return {static_cast<std::uint16_t>(keep ? v.bits : 0)}; }

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
typename V::Floats load(const bf16* p) {
  typename V::Halves h;
  std::memcpy(&h, p, sizeof(h));
  return std::bit_cast<typename V::Floats>(widened_lanes<V, typename V::Words>(h) << 16);
}
template <class V>
void store(bf16* p, typename V::Floats v) {
  const auto h = narrowed_lanes<V, typename V::Halves>(bf16_bits<V>(v));
  std::memcpy(static_cast<void*>(p), &h, sizeof(h));
}
template <class V>
typename V::Ints load_bytes(const std::uint8_t* p) {
  typename V::Bytes b;
  std::memcpy(&b, p, sizeof(b));
  return widened_lanes<V, typename V::Ints>(b);
}
template <class V>
typename V::Floats as_floats(typename V::Ints v) {
  if constexpr (std::is_same_v<V, One>) {
    return static_cast<float>(v);
  } else {
    return __builtin_convertvector(v, typename V::Floats);
  }
}
template <class V>
void store_bytes(std::uint8_t* p, typename V::Ints v) {
  const auto b = narrowed_lanes<V, typename V::Bytes>(v);
  std::memcpy(p, &b, sizeof(b));
}

/// f.operator()<V>(i) for the elements [i, i + lanes) of [0, count), with V = Widest as long as it
/// fits, then Four, Two, One.
template <class Widest, class F>
void for_each_vector(int count, const F& f) {
  int i = 0;
  for (; i + Widest::kLanes <= count; i += Widest::kLanes) f.template operator()<Widest>(i);
  for (; i + Four::kLanes <= count; i += Four::kLanes) f.template operator()<Four>(i);
  for (; i + Two::kLanes <= count; i += Two::kLanes) f.template operator()<Two>(i);
  for (; i < count; ++i) f.template operator()<One>(i);
}

}  // namespace fovea::simd
