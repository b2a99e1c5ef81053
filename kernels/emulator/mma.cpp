// mma.cpp - the arithmetic of mma.sync on a warp's registers. Half of an emulated tensor-core
// kernel's time goes by here: always optimised, for the CPUs that kernels are emulated on, never
// sanitized.
//
// Rounding: products are exact, the sum of one step of k and the accumulator is taken in fp64 and
// truncated to fp32. On integers this is exact; a card's own rounding lies inside the same bound.
#include <fovea/kernels/emulator/mma.h>

#include <bit>
#include <cmath>

namespace fovea::emulator {
namespace {

constexpr int kRows = 16, kColumns = 8;

/// fp64 -> fp32 towards zero.
float truncated(double v) {
  const auto nearest = static_cast<float>(v);
  const bool away = std::fabs(static_cast<double>(nearest)) > std::fabs(v);  // of a NaN: no
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(nearest) - (away ? 1U : 0U));
}

/// How many elements of k a step and a register hold, and which they are.
template <class Type>
struct Elements;

template <>
struct Elements<Tf32> {
  static constexpr int kK = 8;
  static constexpr int kPerRegister = 1;
  static double at(std::uint32_t r, int) { return std::bit_cast<float>(r & 0xffffe000U); }
};

template <>
struct Elements<Bf16> {
  static constexpr int kK = 16;
  static constexpr int kPerRegister = 2;
  static double at(std::uint32_t r, int i) {
    return std::bit_cast<float>(i == 0 ? r << 16 : r & 0xffff0000U);
  }
};

/// Lane l: group g = l / 4, t = l % 4. Register r of a holds row g + 8 (r % 2), of b column g; both
/// hold the elements k = kPerRegister (t + 4 (r / 2 or r)) on. d[i] is row g + 8 (i / 2), column
/// 2 t + i % 2.
template <class Type>
void multiply_add(void* const* operands) {
  using E = Elements<Type>;
  constexpr int kPer = E::kPerRegister;
  double a[kRows][E::kK];
  double b[E::kK][kColumns];
  for (int lane = 0; lane < 32; ++lane) {
    const auto& o = *static_cast<const MmaOperand*>(operands[lane]);
    const int g = lane / 4;
    const int t = lane % 4;
    for (int r = 0; r < 4; ++r) {
      for (int i = 0; i < kPer; ++i) {
        a[g + 8 * (r % 2)][kPer * (t + 4 * (r / 2)) + i] = E::at(o.a[r], i);
      }
    }
    for (int r = 0; r < 2; ++r) {
      for (int i = 0; i < kPer; ++i) b[kPer * (t + 4 * r) + i][g] = E::at(o.b[r], i);
    }
  }
  double sum[kRows][kColumns];
  for (int row = 0; row < kRows; ++row) {
    double s[kColumns] = {};
    for (int k = 0; k < E::kK; ++k) {
      for (int col = 0; col < kColumns; ++col) s[col] += a[row][k] * b[k][col];
    }
    for (int col = 0; col < kColumns; ++col) sum[row][col] = s[col];
  }
  for (int lane = 0; lane < 32; ++lane) {
    const auto& o = *static_cast<const MmaOperand*>(operands[lane]);
    for (int i = 0; i < 4; ++i) {
      o.d[i] = truncated(o.d[i] + sum[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2]);
    }
  }
}

}  // namespace

template <>
void run_mma<Tf32>(void* const* operands, unsigned) {
  multiply_add<Tf32>(operands);
}
template <>
void run_mma<Bf16>(void* const* operands, unsigned) {
  multiply_add<Bf16>(operands);
}

}  // namespace fovea::emulator
