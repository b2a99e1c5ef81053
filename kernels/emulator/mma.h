// mma.h - mma.sync and ldmatrix as one warp's work on 32 lanes' registers. Layouts: PTX ISA,
// "Matrix Fragments for mma.m16n8k8" and "... m16n8k16", and ldmatrix.
#pragma once

#include <fovea/kernels/emulator/block.h>

#include <cstdint>
#include <cstring>
#include <source_location>

namespace fovea::emulator {

struct MmaOperand {
  float* d;                // 4, in and out
  const std::uint32_t* a;  // 4
  const std::uint32_t* b;  // 2
};

/// The types of a and b: a register holds one tf32, whose 13 bits below the mantissa are ignored,
/// or two bf16, the lower half first.
struct Tf32 {};
struct Bf16 {};

/// d[16,8] += a[16,k] * b[k,8] with k = 8 for tf32 and 16 for bf16, of 32 lanes' MmaOperand.
template <class Type>
void run_mma(void* const* operands, unsigned);
template <>
void run_mma<Tf32>(void* const* operands, unsigned);
template <>
void run_mma<Bf16>(void* const* operands, unsigned);

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
