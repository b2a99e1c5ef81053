// math.h - functions written so that loops over them become vector instructions: no branch, no
// call. Errors are the largest seen over a sweep of the range, in units of roundoff (2^-24 of the
// result); tests/kernels/simd_test.cpp repeats it.
#pragma once

#include <bit>
#include <cstdint>

namespace fovea::simd {

/// yes ? a : b without a branch: GCC 12 moves what is computed for one side behind the condition,
/// and then vectorises no loop around it but for AVX-512's masks.
inline float choose(bool yes, float a, float b) {
  const auto bits = [](float v) { return std::bit_cast<std::uint32_t>(v); };
  const std::uint32_t mask = yes ? ~0U : 0U;
  return std::bit_cast<float>((bits(a) & mask) | (bits(b) & ~mask));
}

/// e^x for x <= 88: 3 units; below -87.3 the result, less than 1.2e-38, is 0.
inline float exp(float x) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  // ln 2 in two parts, the first with few enough bits that n times it is exact.
  constexpr float kLn2High = 0.693145752F, kLn2Low = 1.42860677e-6F;
  const bool small = x < -87.3F;
  const float inside = choose(small, -87.3F, x);
  const float n = (inside * kLog2E + kRound) - kRound;
  const float r = (inside - n * kLn2High) - n * kLn2Low;  // |r| <= ln(2) / 2
  // (e^r - 1 - r) / r^2, interpolated at Chebyshev's nodes.
  float q = 0.00139262504F;
  q = q * r + 0.00836323295F;
  q = q * r + 0.0416665524F;
  q = q * r + 0.166665763F;
  q = q * r + 0.5F;
  const float e = 1.0F + (r + r * r * q);
  const float power = std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
  return choose(small, 0.0F, e * power);
}

/// tanh x: 5 units.
inline float tanh(float x) {
  const std::uint32_t sign = std::bit_cast<std::uint32_t>(x) & 0x80000000U;
  const float size = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) ^ sign);
  // Near 0: x + x^3 P(x^2), P interpolated at Chebyshev's nodes on [0, 0.625^2].
  const float z = x * x;
  float p = -0.00609671418F;
  p = p * z + 0.0209971797F;
  p = p * z - 0.0538509078F;
  p = p * z + 0.133327693F;
  p = p * z - 0.333333284F;
  const float near = x + x * z * p;
  const float t = exp(-2.0F * size);
  const float far = (1.0F - t) / (1.0F + t);
  return choose(size < 0.625F, near,
                std::bit_cast<float>(std::bit_cast<std::uint32_t>(far) ^ sign));
}

/// x^(-1/4) for normal x > 0: 4 units. Newton's steps, q (5 - x q^4) / 4, from a guess by the
/// exponent that is right to 3.2 %: a multiplication costs a vector unit half a cycle, a square
/// root or a division ten and more.
inline float inverse_fourth_root(float x) {
  float q = std::bit_cast<float>(0x4f585ee0 - (std::bit_cast<std::int32_t>(x) >> 2));
  const float quarter = 0.25F * x;
  for (int step = 0; step < 3; ++step) {
    const float q2 = q * q;
    q *= 1.25F - quarter * (q2 * q2);
  }
  return q;
}

}  // namespace fovea::simd
