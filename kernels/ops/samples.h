// samples.h - contents for operands whose bytes mean something, so that an op may run on made-up
// data: places in windows, the table of parameters.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/lrn_pool.h>
#include <fovea/kernels/ops/pool.h>
#include <fovea/kernels/ops/update.h>

#include <cstddef>
#include <span>

namespace fovea {

/// Fills the operand if it is such a one; false: any values of its type will do (labels: 0).
template <class Op>
bool sample_operand(const typename Op::Problem&, std::size_t, std::span<std::byte>) {
  return false;
}

/// argmax: each window's first cell in the plane.
template <>
FOVEA_API bool sample_operand<MaxPoolBackward>(const PoolProblem& p, std::size_t operand,
                                               std::span<std::byte> bytes);
template <>
FOVEA_API bool sample_operand<LrnPoolBackward>(const LrnPoolProblem& p, std::size_t operand,
                                               std::span<std::byte> bytes);
/// segments: equal parts of the block.
template <>
FOVEA_API bool sample_operand<SgdUpdate>(const UpdateProblem& p, std::size_t operand,
                                         std::span<std::byte> bytes);
template <>
FOVEA_API bool sample_operand<FiniteCheck>(const UpdateProblem& p, std::size_t operand,
                                           std::span<std::byte> bytes);

}  // namespace fovea
