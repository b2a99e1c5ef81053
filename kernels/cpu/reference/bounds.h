// bounds.h - what the error of a product sum is measured against: sum of |products| for every
// output element. See docs/numerics.md.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/linear.h>

#include <vector>

namespace fovea {

/// For every element of a pass's output, the sum of the absolute values of its products. The
/// operands, on the host, are the pass's: forward (x, w), dgrad (dy, w), wgrad (x, dy). Epilogues
/// are not part of it. Elements are in the order of the output tensor.
FOVEA_API std::vector<float> absolute_sums(const ConvProblem& p, Pass pass,
                                           const std::vector<float>& a,
                                           const std::vector<float>& b);
FOVEA_API std::vector<float> absolute_sums(const LinearProblem& p, Pass pass,
                                           const std::vector<float>& a,
                                           const std::vector<float>& b);

/// Products in one output element at most: the length of the sum.
FOVEA_API std::int64_t sum_length(const ConvProblem& p, Pass pass);
FOVEA_API std::int64_t sum_length(const LinearProblem& p, Pass pass);

}  // namespace fovea
