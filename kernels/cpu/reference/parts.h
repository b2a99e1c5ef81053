// parts.h - what the files of this folder share.
#pragma once

#include <fovea/core/error.h>
#include <fovea/core/philox.h>
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/reference/floats.h>
#include <fovea/kernels/ops/engines.h>
#include <fovea/kernels/ops/launch.h>
#include <fovea/kernels/ops/registry.h>

#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
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
void add_fold_weights(Registry& registry);

/// The tensors of a call, in order.
template <class Op>
std::array<TensorView, kOperandsOf<Op>> operands_of(const typename Op::Args& args) {
  std::array<TensorView, kOperandsOf<Op>> all;
  std::memcpy(static_cast<void*>(all.data()), &args, sizeof(all));
  return all;
}

/// A body made ready, with the memory of its floats.
template <class Op, class Body>
class Loops final : public Prepared<typename Op::Args> {
 public:
  using Problem = typename Op::Problem;
  using Args = typename Op::Args;
  Loops(const Problem& problem, Body body, std::size_t workspace)
      : problem_{problem}, body_{std::move(body)}, workspace_{workspace} {}
  std::size_t workspace_bytes() const override { return workspace_; }
  void bind(const Args& args) override { floats_->reserve(operands_of<Op>(args)); }
  void run(const Args& args, StreamView stream) override {
    if constexpr (std::invocable<Body, const Problem&, const Args&>) {
      stream.enqueue_in_place([body = body_, p = problem_, args] { body(p, args); });
    } else {
      stream.enqueue_in_place([body = body_, p = problem_, args, floats = floats_] {
        floats->begin();
        body(p, args, *floats);
        floats->store();
      });
    }
  }

 private:
  Problem problem_;
  Body body_;
  std::size_t workspace_;
  std::shared_ptr<Floats> floats_ = std::make_shared<Floats>();  // until the stream has run it
};

/// Adds `body` as the algorithm `loops`: body(problem, args, floats) reads and writes activations
/// through `floats`, whatever their type, and body(problem, args) is of an op that has none. One
/// entry for fp32 and, of ops with math modes, one for bf16. `workspace(problem)` bytes are
/// promised to it.
template <class Op, class Body>
void add_loops(Registry& registry, Body body,
               std::function<Verdict(const typename Op::Problem&, const DeviceInfo&)> can_run = {},
               std::size_t (*workspace)(const typename Op::Problem&) = nullptr) {
  Algorithm<Op> a;
  a.engine = kReference;
  a.name = "loops";
  a.devices = Devices::cpu;
  a.bf16_tensors = !kHasMathModes<Op>;
  a.can_run = std::move(can_run);
  a.prepare = [body, workspace](const typename Op::Problem& p, const Variant&, const DeviceInfo&) {
    return std::make_unique<Loops<Op, Body>>(p, body, workspace != nullptr ? workspace(p) : 0);
  };
  registry.add(a);
  if constexpr (kHasMathModes<Op>) {
    a.math = Math::bf16;
    registry.add(std::move(a));
  }
}

/// The step's state where an op cannot do without it.
inline StepState& state_of(const Context& context, const char* op) {
  if (context.state == nullptr) {
    throw InvalidArgument(std::string(op) + ": the step's state is missing; set Context::state");
  }
  return *context.state;
}

/// Dropout as elementwise.h has it: of the step's element e.
class Dropping {
 public:
  Dropping(const Drop& drop, const StepState& state, std::int64_t per_image)
      : random_{state.seed, stream_key(Purpose::dropout, drop.layer, state.step)},
        first_{state.first_row * static_cast<std::uint64_t>(per_image)},
        drop_{drop} {}
  /// v, element i of this part of the batch, kept and scaled, or 0.
  double operator()(double v, std::int64_t i) const {
    const std::uint64_t e = first_ + static_cast<std::uint64_t>(i);
    return uniform(random_(e / 4)[static_cast<unsigned>(e % 4)]) >= drop_.rate
               ? v * double{drop_.scale}
               : 0.0;
  }

 private:
  Philox random_;
  std::uint64_t first_;
  Drop drop_;
};

/// With +drop, of a product's y.
template <class Problem>
std::optional<Dropping> dropping_of(const Problem& p, const Context& context,
                                    std::int64_t per_image) {
  if (!p.epilogue.drop) return {};
  return Dropping(p.drop, state_of(context, "+drop"), per_image);
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
void lrn_forward(const LrnProblem& p, const LrnForward::Args& args, Floats& floats);
void lrn_backward(const LrnProblem& p, const LrnBackward::Args& args, Floats& floats);
void max_pool_forward(const PoolProblem& p, const MaxPoolForward::Args& args, Floats& floats);
void max_pool_backward(const PoolProblem& p, const MaxPoolBackward::Args& args, Floats& floats);

/// Epilogues that the reference offers for convolution and linear.
constexpr Epilogue kForwardEpilogues{.bias = true, .relu = true, .tanh = true, .drop = true};
constexpr Epilogue kDgradEpilogues{.mask = true, .acc = true};
constexpr Epilogue kWgradEpilogues{.acc = true, .db = true};

/// can_run() of the ops with epilogues.
template <class Problem>
std::function<Verdict(const Problem&, const DeviceInfo&)> epilogues_within(Epilogue supported) {
  return [supported](const Problem& p, const DeviceInfo&) { return covers(supported, p.epilogue); };
}

}  // namespace fovea::reference
