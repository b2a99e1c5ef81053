// mma.h - mma.sync and ldmatrix as one warp's work on 32 lanes' registers. Layouts: PTX ISA,
// "Matrix Fragments for mma.m16n8k8" and "... m16n8k16", and ldmatrix.
//
// Rounding: products are exact, the sum of one step of k and the accumulator is taken in fp64 and
// truncated to fp32. On integers this is exact; a card's own rounding lies inside the same bound.
#pragma once

#include <fovea/kernels/emulator/block.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <source_location>

namespace fovea::emulator {

/// fp64 -> fp32 towards zero.
inline float truncated(double v) {
  const auto nearest = static_cast<float>(v);
  if (std::fabs(static_cast<double>(nearest)) <= std::fabs(v) || std::isnan(v)) return nearest;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(nearest) - 1U);
}

struct MmaOperand {
  float* d;                // 4, in and out
  const std::uint32_t* a;  // 4
  const std::uint32_t* b;  // 2
};

/// A register holds one tf32: the 13 bits below its mantissa are ignored.
struct Tf32 {
  static constexpr int kK = 8;
  static constexpr int kPerRegister = 1;
  static double element(std::uint32_t r, int) { return std::bit_cast<float>(r & 0xffffe000U); }
};

/// A register holds two bf16, the lower half first.
struct Bf16 {
  static constexpr int kK = 16;
  static constexpr int kPerRegister = 2;
  static double element(std::uint32_t r, int i) {
    return std::bit_cast<float>(i == 0 ? r << 16 : r & 0xffff0000U);
  }
};

/// d[16,8] += a[16,kK] * b[kK,8]. Lane l: group g = l / 4, t = l % 4. Register r of a holds row
/// g + 8 (r % 2), of b column g; both hold the elements k = kPerRegister (t + 4 (r / 2 or r)) on.
/// d[i] is row g + 8 (i / 2), column 2 t + i % 2.
template <class Type>
void run_mma(void* const* operands, unsigned) {
  constexpr int kPer = Type::kPerRegister;
  double a[16][Type::kK];
  double b[Type::kK][8];
  for (int lane = 0; lane < 32; ++lane) {
    const auto& o = *static_cast<const MmaOperand*>(operands[lane]);
    const int g = lane / 4;
    const int t = lane % 4;
    for (int r = 0; r < 4; ++r) {
      for (int i = 0; i < kPer; ++i) {
        a[g + 8 * (r % 2)][kPer * (t + 4 * (r / 2)) + i] = Type::element(o.a[r], i);
      }
    }
    for (int r = 0; r < 2; ++r) {
      for (int i = 0; i < kPer; ++i) b[kPer * (t + 4 * r) + i][g] = Type::element(o.b[r], i);
    }
  }
  double sum[16][8] = {};
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < Type::kK; ++k) {
      for (int col = 0; col < 8; ++col) sum[row][col] += a[row][k] * b[k][col];
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    const auto& o = *static_cast<const MmaOperand*>(operands[lane]);
    for (int i = 0; i < 4; ++i) {
      o.d[i] = truncated(o.d[i] + sum[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2]);
    }
  }
}

struct LdmatrixOperand {
  std::uint32_t* r;
  const void* row;
};

/// Matrix m: 8 rows of 8 16-bit elements, row i at the address of lane 8 m + i. Register m of lane
/// l gets elements 2 (l % 4) and the next of row l / 4; with kTranspose of column l / 4.
template <int kMatrices, bool kTranspose>
__attribute__((no_sanitize("thread"))) void run_ldmatrix(void* const* operands, unsigned) {
  for (int m = 0; m < kMatrices; ++m) {
    std::uint16_t e[8][8];
    for (int i = 0; i < 8; ++i) {
      std::memcpy(e[i], static_cast<const LdmatrixOperand*>(operands[8 * m + i])->row, 16);
    }
    for (int lane = 0; lane < 32; ++lane) {
      const int i = lane / 4;
      const int j = 2 * (lane % 4);
      const std::uint32_t low = kTranspose ? e[j][i] : e[i][j];
      const std::uint32_t high = kTranspose ? e[j + 1][i] : e[i][j + 1];
      static_cast<const LdmatrixOperand*>(operands[lane])->r[m] = low | high << 16;
    }
  }
}

inline constexpr unsigned kWholeWarp = 0xffffffffU;

template <class Type>
void mma(const char* what, float* d, const std::uint32_t* a, const std::uint32_t* b,
         const std::source_location& at) {
  MmaOperand operand{d, a, b};
  Block::running().matrix_operation();
  Block::running().collective(what, kWholeWarp, &run_mma<Type>, &operand, at);
}

template <int kMatrices, bool kTranspose>
void ldmatrix(std::uint32_t* r, const void* row, const std::source_location& at) {
  Block& block = Block::running();
  if (block.thread() % kWarpSize < 8 * kMatrices) {
    block.require_shared(row, 16, at);
    if (Block::watched() != nullptr) {  // the lane that names a row answers for reading it
      block.accessed(row, 16, Access::read, at);
    }
  }
  LdmatrixOperand operand{r, row};
  block.collective("ldmatrix", kWholeWarp, &run_ldmatrix<kMatrices, kTranspose>, &operand, at);
}

}  // namespace fovea::emulator
