// dtype.h - element types of tensors, and the rounding of the short ones, equal on host and device.
#pragma once

#include <fovea/core/api.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fovea {

enum class DType : std::uint8_t { f32, bf16, u8, i32 };

/// Bytes of one element.
constexpr std::size_t size_of(DType t) {
  switch (t) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::bf16:
      return 2;
    case DType::u8:
      return 1;
  }
  return 0;
}

constexpr std::string_view name_of(DType t) {
  switch (t) {
    case DType::f32:
      return "f32";
    case DType::i32:
      return "i32";
    case DType::bf16:
      return "bf16";
    case DType::u8:
      return "u8";
  }
  return "?";
}

/// How products are computed: IEEE fp32; operands rounded to tf32; bf16 activations with fp32 sums.
enum class Math : std::uint8_t { fp32, tf32, bf16 };

constexpr std::string_view name_of(Math m) {
  switch (m) {
    case Math::fp32:
      return "fp32";
    case Math::tf32:
      return "tf32";
    case Math::bf16:
      return "bf16";
  }
  return "?";
}

/// Type of a net's activations, of their gradients and of the weights as kernels read them.
constexpr DType activation_type(Math m) { return m == Math::bf16 ? DType::bf16 : DType::f32; }

/// The upper half of an fp32. Storage only: compute in float.
struct bf16 {
  std::uint16_t bits = 0;
  friend constexpr bool operator==(bf16, bf16) = default;
};

/// fp32 -> bf16, to nearest, ties to even; NaN stays NaN (quiet).
FOVEA_HD constexpr bf16 to_bf16(float v) {
  const auto u = std::bit_cast<std::uint32_t>(v);
  if ((u & 0x7fffffffU) > 0x7f800000U) return {static_cast<std::uint16_t>((u >> 16) | 0x0040U)};
  return {static_cast<std::uint16_t>((u + 0x7fffU + ((u >> 16) & 1U)) >> 16)};
}

FOVEA_HD constexpr float to_float(bf16 v) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(v.bits) << 16);
}

/// fp32 -> tf32 (10 explicit mantissa bits) kept in an fp32, to nearest, ties away from zero;
/// NaN stays NaN. The rounding of PTX cvt.rna.tf32.f32.
FOVEA_HD constexpr float round_tf32(float v) {
  const auto u = std::bit_cast<std::uint32_t>(v);
  if ((u & 0x7f800000U) == 0x7f800000U) {  // infinity as it is; NaN quiet, its lost bits not needed
    return (u & 0x007fffffU) == 0 ? v : std::bit_cast<float>((u | 0x00400000U) & 0xffffe000U);
  }
  return std::bit_cast<float>((u + 0x1000U) & 0xffffe000U);
}

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<bf16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::i32;
};
/// The DType of a C++ element type; a type that is no element type does not compile.
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

}  // namespace fovea
