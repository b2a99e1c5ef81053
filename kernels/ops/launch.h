// launch.h - a prepared algorithm without its op's type: what plans bind and run, and what a tuner
// times.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/error.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace fovea {

class Launch {
 public:
  virtual ~Launch() = default;
  virtual std::size_t workspace_bytes() const = 0;
  virtual bool deterministic() const = 0;
  /// Final addresses, in the order inputs, outputs; an absent one has data == nullptr.
  virtual void bind(std::span<const TensorView> operands, const Context& context) = 0;
  virtual void run(StreamView stream) = 0;
};

/// Why the limits forbid what was prepared, as a clause; "" where they do not.
FOVEA_API std::string objection(std::size_t workspace_bytes, bool deterministic,
                                const Limits& limits);
/// Of a Launch or a Prepared.
template <class Ready>
std::string objection(const Ready& ready, const Limits& limits) {
  return objection(ready.workspace_bytes(), ready.deterministic(), limits);
}

/// Throws InvalidArgument where an op that takes `wanted` operands is bound to `given`.
FOVEA_API void require_operands(std::string_view op, std::size_t wanted, std::size_t given);

/// How many operands an op has, whose Args are these in order, then Context.
template <class Op>
inline constexpr std::size_t kOperandsOf = (sizeof(typename Op::Args) - sizeof(Context)) /
                                           sizeof(TensorView);

/// Args of so many operands.
template <class Op>
typename Op::Args args_of(std::span<const TensorView> operands, const Context& context) {
  static_assert(kOperandsOf<Op> * sizeof(TensorView) + sizeof(Context) == sizeof(typename Op::Args),
                "Args is operands, then Context");
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return typename Op::Args{operands[I]..., context};
  }
  (std::make_index_sequence<kOperandsOf<Op>>{});
}

/// Whether an algorithm that can run the problem offers a variant within the limits, as far as it
/// knows without preparing one.
template <class Op>
Verdict offers(const Algorithm<Op>& a, const typename Op::Problem& problem,
               const DeviceInfo& device, const Limits& limits) {
  if (!a.variants || !limits.deterministic || !a.variants(problem, device, limits).empty())
    return {};
  Limits loose = limits;
  loose.deterministic = false;
  return a.variants(problem, device, loose).empty()  // it has the one variant ""
             ? Verdict{}
             : Verdict::no("the bits of each variant may differ from run to run");
}

template <class Op>
class LaunchOf final : public Launch {
 public:
  using Args = typename Op::Args;

  explicit LaunchOf(std::unique_ptr<Prepared<Args>> p) : prepared_{std::move(p)} {}
  std::size_t workspace_bytes() const override { return prepared_->workspace_bytes(); }
  bool deterministic() const override { return prepared_->deterministic(); }
  void bind(std::span<const TensorView> operands, const Context& context) override {
    require_operands(Op::kName, kOperandsOf<Op>, operands.size());
    args_ = args_of<Op>(operands, context);
    prepared_->bind(args_);
  }
  void run(StreamView stream) override { prepared_->run(args_, stream); }

 private:
  std::unique_ptr<Prepared<Args>> prepared_;
  Args args_{};
};

}  // namespace fovea
