#include <fovea/kernels/ops/samples.h>

#include <algorithm>
#include <cstring>

namespace fovea {

template <>
bool sample_operand<MaxPoolBackward>(const PoolProblem& p, std::size_t operand,
                                     std::span<std::byte> bytes) {
  constexpr std::size_t kArgmax = 1;
  if (operand != kArgmax) return false;
  std::size_t at = 0;
  for (int n = 0; n < p.n; ++n) {
    for (int i = 0; i < p.p(); ++i) {
      const int row = std::max(0, p.ph.begin - i * p.u);
      for (int j = 0; j < p.q(); ++j) {
        const int cell = row * p.s + std::max(0, p.pw.begin - j * p.v);
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), p.c,
                    static_cast<std::byte>(cell));
        at += static_cast<std::size_t>(p.c);
      }
    }
  }
  return true;
}

template <>
bool sample_operand<LrnPoolBackward>(const LrnPoolProblem& p, std::size_t operand,
                                     std::span<std::byte> bytes) {
  return sample_operand<MaxPoolBackward>(p.pool, operand, bytes);
}

namespace {

// The table of the parameters: each a part of the block.
bool sample_segments(const UpdateProblem& p, std::size_t operand, std::span<std::byte> bytes) {
  constexpr std::size_t kSegments = 1;
  if (operand != kSegments) return false;
  const std::int64_t room = p.count / p.segments / kParameterAlignment * kParameterAlignment;
  for (int i = 0; i < p.segments; ++i) {
    const Segment s{.offset = i * room, .length = room};
    std::memcpy(bytes.data() + static_cast<std::size_t>(i) * sizeof(s), &s, sizeof(s));
  }
  return true;
}

}  // namespace

template <>
bool sample_operand<SgdUpdate>(const UpdateProblem& p, std::size_t operand,
                               std::span<std::byte> bytes) {
  return sample_segments(p, operand, bytes);
}

template <>
bool sample_operand<FiniteCheck>(const UpdateProblem& p, std::size_t operand,
                                 std::span<std::byte> bytes) {
  return sample_segments(p, operand, bytes);
}

}  // namespace fovea
