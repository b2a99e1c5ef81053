// dtype_test.cpp - rounding to bf16 and tf32 against a reference that works in double, by value.
#include <fovea/core/dtype.h>

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace fovea {
namespace {

enum class Ties { even, away };

/// `v` on the grid of `mantissa` explicit bits with fp32's exponents.
float reference(float v, int mantissa, Ties ties) {
  if (v == 0 || std::isinf(v)) return v;
  const double exact = v;
  const int exponent = std::max(std::ilogb(exact), -126);  // subnormals share the least quantum
  const double steps = std::ldexp(exact, mantissa - exponent);  // exact: at most 24 bits
  const double whole = ties == Ties::even ? std::nearbyint(steps) : std::round(steps);
  const double rounded = std::ldexp(whole, exponent - mantissa);
  if (std::abs(rounded) >= 0x1p128) return std::copysign(std::numeric_limits<float>::infinity(), v);
  return std::copysign(static_cast<float>(rounded), v);
}

/// A mismatch for the fp32 of these bits; empty where both roundings agree with the reference.
std::string mismatch(std::uint32_t bits) {
  const auto v = std::bit_cast<float>(bits);
  const float short_v = to_float(to_bf16(v));
  const float tensor_v = round_tf32(v);
  if (std::isnan(v)) {
    const bool kept = std::isnan(short_v) && std::isnan(tensor_v) &&
                      std::signbit(short_v) == std::signbit(v) &&
                      std::signbit(tensor_v) == std::signbit(v);
    return kept ? "" : "NaN lost at " + std::to_string(bits);
  }
  const auto differs = [](float a, float b) {
    return std::bit_cast<std::uint32_t>(a) != std::bit_cast<std::uint32_t>(b);
  };
  if (differs(short_v, reference(v, 7, Ties::even))) return "bf16 of bits " + std::to_string(bits);
  if (differs(tensor_v, reference(v, 10, Ties::away)))
    return "tf32 of bits " + std::to_string(bits);
  return {};
}

TEST(Rounding, AgreesWithTheReferenceOnAStrideOfAllBitPatterns) {
  constexpr std::uint64_t kStride = 1009;  // prime: meets every low part with every exponent
  for (std::uint64_t bits = 0; bits <= 0xffffffffULL; bits += kStride) {
    const std::string wrong = mismatch(static_cast<std::uint32_t>(bits));
    ASSERT_EQ(wrong, "");
  }
}

TEST(Rounding, AgreesWithTheReferenceAroundEveryTie) {
  for (std::uint32_t high = 0; high <= 0xffffU; ++high) {
    for (const std::uint32_t low :
         {0x0000U, 0x0001U, 0x0fffU, 0x1000U, 0x1001U, 0x2fffU, 0x3000U, 0x3001U, 0x7fffU, 0x8000U,
          0x8001U, 0xefffU, 0xf000U, 0xffffU}) {
      ASSERT_EQ(mismatch(high << 16 | low), "");
    }
  }
}

TEST(Rounding, KnownAnswers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(to_bf16(1.0F).bits, 0x3f80);
  EXPECT_EQ(to_bf16(1.0F + 0x1p-8F).bits, 0x3f80) << "tie to even, down";
  EXPECT_EQ(to_bf16(1.0F + 0x3p-8F).bits, 0x3f82) << "tie to even, up";
  EXPECT_EQ(to_bf16(std::numeric_limits<float>::max()).bits, 0x7f80) << "overflow";
  EXPECT_EQ(to_bf16(-0.0F).bits, 0x8000);
  EXPECT_EQ(round_tf32(1.0F + 0x1p-11F), 1.0F + 0x1p-10F) << "tie away from zero";
  EXPECT_EQ(round_tf32(-1.0F - 0x1p-11F), -1.0F - 0x1p-10F);
  EXPECT_EQ(round_tf32(1.0F + 0x0.fffp-11F), 1.0F);
  EXPECT_EQ(round_tf32(std::numeric_limits<float>::max()), kInfinity);
  EXPECT_EQ(round_tf32(-kInfinity), -kInfinity);
}

TEST(Rounding, ANanWhoseBitsAreAllLowStaysNan) {
  const auto v = std::bit_cast<float>(0x7f800001U);
  EXPECT_TRUE(std::isnan(to_float(to_bf16(v))));
  EXPECT_TRUE(std::isnan(round_tf32(v)));
}

TEST(Rounding, IsUsableInConstantExpressions) {
  static_assert(to_float(to_bf16(3.0F)) == 3.0F);
  static_assert(round_tf32(3.0F) == 3.0F);
}

TEST(DType, KnowsSizeAndName) {
  EXPECT_EQ(size_of(DType::f32), sizeof(float));
  EXPECT_EQ(size_of(DType::bf16), sizeof(bf16));
  EXPECT_EQ(size_of(DType::u8), 1U);
  EXPECT_EQ(size_of(DType::i32), 4U);
  EXPECT_EQ(name_of(DType::bf16), "bf16");
  EXPECT_EQ(name_of(Math::tf32), "tf32");
  EXPECT_EQ(dtype_of<std::int32_t>, DType::i32);
}

}  // namespace
}  // namespace fovea
