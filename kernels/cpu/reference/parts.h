// parts.h - what the files of this folder share.
#pragma once

#include <fovea/core/error.h>
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/ops/registry.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace fovea::reference {

void add_conv(Registry& registry);
void add_linear(Registry& registry);
void add_pool(Registry& registry);
void add_lrn(Registry& registry);
void add_lrn_pool(Registry& registry);
void add_elementwise(Registry& registry);
void add_loss(Registry& registry);
void add_update(Registry& registry);
void add_input(Registry& registry);

/// Adds `body` as the algorithm `loops`.
template <class Op, class Body>
void add_loops(
    Registry& registry, Body body,
    std::function<Verdict(const typename Op::Problem&, const DeviceInfo&)> can_run = {}) {
  registry.add<Op>(host_algorithm<Op>("reference", "loops", std::move(body), std::move(can_run)));
}

/// The step's state where an op cannot do without it.
inline StepState& state_of(const Context& context, const char* op) {
  if (context.state == nullptr) {
    throw InvalidArgument(std::string(op) + ": the step's state is missing; set Context::state");
  }
  return *context.state;
}

/// Rows of a batch of n that count.
inline int valid_rows(const Context& context, int n) {
  return context.state == nullptr ? n : context.state->valid;
}

/// max(0, v); NaN stays NaN.
inline double relu(double v) { return v < 0 ? 0.0 : v; }

/// Sum of a[i] * b[i]: eight partial sums, so that additions do not wait for one another.
double dot(const float* a, const float* b, std::int64_t count);
/// Numbers or rows of numbers, `pitch` elements from one to the next.
struct Strided {
  const float* first;
  std::int64_t pitch;
};
/// sum[i] += factors[r] * in[r][i] for each row r, one after the other, and i < count.
void add_products(const Strided& factors, const Strided& in, std::int64_t rows, std::int64_t count,
                  double* sum);

/// out[c] = sum over rows of in[row, c] (+ out[c] with `accumulate`).
void column_sums(std::int64_t rows, int columns, const float* in, float* out, bool accumulate);

// The bodies that lrn_pool.cpp joins.
void lrn_forward(const LrnProblem& p, const LrnForward::Args& args);
void lrn_backward(const LrnProblem& p, const LrnBackward::Args& args);
void max_pool_forward(const PoolProblem& p, const MaxPoolForward::Args& args);
void max_pool_backward(const PoolProblem& p, const MaxPoolBackward::Args& args);

/// Epilogues that the reference offers for convolution and linear.
constexpr Epilogue kForwardEpilogues{.bias = true, .relu = true, .tanh = true};
constexpr Epilogue kDgradEpilogues{.mask = true, .acc = true};
constexpr Epilogue kWgradEpilogues{.acc = true, .db = true};

/// can_run() of the ops with epilogues.
template <class Problem>
std::function<Verdict(const Problem&, const DeviceInfo&)> epilogues_within(Epilogue supported) {
  return [supported](const Problem& p, const DeviceInfo&) { return covers(supported, p.epilogue); };
}

}  // namespace fovea::reference
