// mma.h - mma.sync and ldmatrix as one warp's work on 32 lanes' registers. Layouts: PTX ISA,
// "Matrix Fragments for mma.m16n8k8" and "... m16n8k16", and ldmatrix.
#pragma once

#include <fovea/kernels/emulator/block.h>

#include <algorithm>
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

/// d[16,8] += a[16,k] * b[k,8] with k = 8 for tf32 and 16 for bf16, of 32 lanes.
template <class Type>
void run_mma(const MmaOperand* lanes);
template <>
void run_mma<Tf32>(const MmaOperand* lanes);
template <>
void run_mma<Bf16>(const MmaOperand* lanes);

/// A lane's part of matrix operations that are carried out together: at run(), or when there are
/// too many. All lanes of the warp add the same ones.
class MmaBatch {
 public:
  template <class Type>
  __attribute__((no_sanitize("thread"))) void add(float* d, const std::uint32_t* a,
                                                  const std::uint32_t* b,
                                                  const std::source_location& at) {
    if (count_ == kMost) run(at);
    Operation& o = operations_[count_++];
    o.run = &run_mma<Type>;
    o.d = d;
    std::copy_n(a, 4, o.a);
    std::copy_n(b, 2, o.b);
  }
  void run(const std::source_location& at);

 private:
  static constexpr unsigned kMost = 64;
  struct Operation {
    void (*run)(const MmaOperand* lanes);
    float* d;
    std::uint32_t a[4], b[2];
  };
  static void run_all(void* const* batches, unsigned mask);

  std::source_location at_;  // of run()
  unsigned count_ = 0;
  Operation operations_[kMost];
};

struct LdmatrixOperand {
  std::uint32_t* r;         // of one after the other
  const void* const* rows;  // one for each
  unsigned count;
};

/// Matrix m: 8 rows of 8 16-bit elements, row i at the address of lane 8 m + i. Register m of lane
/// l gets elements 2 (l % 4) and the next of row l / 4; with kTranspose of column l / 4.
template <int kMatrices, bool kTranspose>
__attribute__((no_sanitize("thread"))) void run_ldmatrix(void* const* operands, unsigned) {
  const auto of = [operands](int lane) -> const LdmatrixOperand& {
    return *static_cast<const LdmatrixOperand*>(operands[lane]);
  };
  for (unsigned n = 0; n < of(0).count; ++n) {
    for (int m = 0; m < kMatrices; ++m) {
      std::uint16_t e[8][8];
      for (int i = 0; i < 8; ++i) std::memcpy(e[i], of(8 * m + i).rows[n], 16);
      for (int lane = 0; lane < 32; ++lane) {
        const int i = lane / 4;
        const int j = 2 * (lane % 4);
        const std::uint32_t low = kTranspose ? e[j][i] : e[i][j];
        const std::uint32_t high = kTranspose ? e[j + 1][i] : e[i][j + 1];
        of(lane).r[n * kMatrices + static_cast<unsigned>(m)] = low | high << 16;
      }
    }
  }
}

inline constexpr unsigned kWholeWarp = 0xffffffffU;

/// One by itself.
template <class Type>
void mma(float* d, const std::uint32_t* a, const std::uint32_t* b, const std::source_location& at) {
  MmaBatch one;
  one.add<Type>(d, a, b, at);
  one.run(at);
}

/// `count` of them: the rows that this lane names, and kMatrices registers for each.
template <int kMatrices, bool kTranspose>
void ldmatrix(std::uint32_t* r, const void* const* rows, unsigned count,
              const std::source_location& at) {
  Block& block = Block::running();
  if (block.thread() % kWarpSize < 8 * kMatrices) {
    for (unsigned n = 0; n < count; ++n) {
      block.require_shared(rows[n], 16, at);
      if (Block::watched() != nullptr) {  // the lane that names a row answers for reading it
        block.accessed(rows[n], 16, Access::read, at);
      }
    }
  }
  LdmatrixOperand operand{r, rows, count};
  block.collective("ldmatrix", kWholeWarp, &run_ldmatrix<kMatrices, kTranspose>, &operand, at);
}

}  // namespace fovea::emulator
