// mma.cpp - the arithmetic of mma.sync on a warp's registers. Half of an emulated tensor-core
// kernel's time goes by here: always optimised, for the CPUs that kernels are emulated on, never
// sanitized.
//
// Rounding: products are exact, the sum of one step of k and the accumulator is taken in fp64 and
// truncated to fp32. On integers this is exact; a card's own rounding lies inside the same bound.
#include <fovea/kernels/emulator/mma.h>

#include <bit>
#include <cmath>
#include <cstring>

namespace fovea::emulator {
namespace {

constexpr int kRows = 16, kColumns = 8, kRegisters = 8;  // registers along k

/// fp64 -> fp32 towards zero.
inline float truncated(double v) {
  const auto nearest = static_cast<float>(v);
  const bool away = std::fabs(static_cast<double>(nearest)) > std::fabs(v);  // of a NaN: no
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(nearest) - (away ? 1U : 0U));
}

/// How many elements of k a register holds, and which they are.
template <class Type>
struct Elements;

template <>
struct Elements<Tf32> {
  static constexpr int kPerRegister = 1;
  static float at(std::uint32_t r, int) { return std::bit_cast<float>(r & 0xffffe000U); }
};

template <>
struct Elements<Bf16> {
  static constexpr int kPerRegister = 2;
  static float at(std::uint32_t r, int i) {
    return std::bit_cast<float>(i == 0 ? r << 16 : r & 0xffff0000U);
  }
};

/// The registers of all lanes in the order of the matrices. Lane l: group g = l / 4, t = l % 4.
/// Register r of a holds row g + 8 (r % 2), of b column g; both are number t + 4 (r / 2 or r) along
/// k. d[i] is row g + 8 (i / 2), column 2 t + i % 2.
struct Matrices {
  std::uint32_t a[kRows][kRegisters];
  std::uint32_t b[kRegisters][kColumns];
  float d[kRows][kColumns];

  explicit Matrices(const MmaOperand* lanes) {
    for (int lane = 0; lane < 32; ++lane) {
      const MmaOperand& o = lanes[lane];
      const int g = lane / 4;
      const int t = lane % 4;
      for (int r = 0; r < 4; ++r) a[g + 8 * (r % 2)][t + 4 * (r / 2)] = o.a[r];
      for (int r = 0; r < 2; ++r) b[t + 4 * r][g] = o.b[r];
      for (int i = 0; i < 4; ++i) d[g + 8 * (i / 2)][2 * t + i % 2] = o.d[i];
    }
  }
  void put_back(const MmaOperand* lanes) const {
    for (int lane = 0; lane < 32; ++lane) {
      for (int i = 0; i < 4; ++i) {
        lanes[lane].d[i] = d[lane / 4 + 8 * (i / 2)][2 * (lane % 4) + i % 2];
      }
    }
  }
};

/// Elements as numbers: [i][row][n] is element i of register n of a row.
template <class Type, int Rows, int Columns>
void convert(const std::uint32_t (&from)[Rows][Columns],
             double (&to)[Elements<Type>::kPerRegister][Rows][Columns]) {
  for (int i = 0; i < Elements<Type>::kPerRegister; ++i) {
    for (int n = 0; n < Rows * Columns; ++n) {
      (&to[i][0][0])[n] = Elements<Type>::at((&from[0][0])[n], i);
    }
  }
}

// Half a row of the result, as it lies in memory. g++ 12 turns plain loops into shuffles along k.
using Half [[gnu::vector_size(32), gnu::aligned(8), gnu::may_alias]] = double;

/// d += a * b, k ascending.
template <class Type>
void multiply_add(const MmaOperand* lanes) {
  constexpr int kPer = Elements<Type>::kPerRegister;
  constexpr int kAtOnce = 4;  // rows, so that sums need not wait for each other
  Matrices m(lanes);
  double a[kPer][kRows][kRegisters];
  double b[kPer][kRegisters][kColumns];
  convert<Type>(m.a, a);
  convert<Type>(m.b, b);
  for (int row = 0; row < kRows; row += kAtOnce) {
    Half sum[kAtOnce][2] = {};
    for (int n = 0; n < kRegisters; ++n) {
      for (int i = 0; i < kPer; ++i) {
        const auto* right = reinterpret_cast<const Half*>(b[i][n]);
        for (int r = 0; r < kAtOnce; ++r) {
          for (int h = 0; h < 2; ++h) sum[r][h] += a[i][row + r][n] * right[h];
        }
      }
    }
    for (int r = 0; r < kAtOnce; ++r) {
      double sums[kColumns];
      std::memcpy(sums, sum[r], sizeof sums);
      for (int column = 0; column < kColumns; ++column) {
        float& d = m.d[row + r][column];
        d = truncated(d + sums[column]);
      }
    }
  }
  m.put_back(lanes);
}

}  // namespace

template <>
void run_mma<Tf32>(const MmaOperand* lanes) {
  multiply_add<Tf32>(lanes);
}
template <>
void run_mma<Bf16>(const MmaOperand* lanes) {
  multiply_add<Bf16>(lanes);
}

void MmaBatch::run(const std::source_location& at) {
  if (count_ == 0) return;
  Block& block = Block::running();
  at_ = at;
  block.matrix_operations(count_);
  block.collective("mma.sync", kWholeWarp, &MmaBatch::run_all, this, at);
  count_ = 0;
}

void MmaBatch::run_all(void* const* batches, unsigned) {
  const auto of = [batches](unsigned lane) -> MmaBatch& {
    return *static_cast<MmaBatch*>(batches[lane]);
  };
  for (unsigned i = 0; i < of(0).count_; ++i) {
    const auto run = of(0).operations_[i].run;
    MmaOperand lanes[kWarpSize];
    for (unsigned lane = 0; lane < kWarpSize; ++lane) {
      Operation& o = of(lane).operations_[i];
      if (of(lane).count_ != of(0).count_ || o.run != run) {
        Block::running().fail("mma.sync: the lanes of a warp bring different matrix operations",
                              of(lane).at_);
      }
      lanes[lane] = {o.d, o.a, o.b};
    }
    run(lanes);
  }
}

}  // namespace fovea::emulator
