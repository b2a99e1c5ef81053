// launch.h - a prepared algorithm without its op's type: what plans bind and run, and what a tuner
// times.
#pragma once

#include <fovea/core/error.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>

#include <memory>
#include <span>
#include <string>
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

/// Why the limits forbid what was prepared, a Launch or a Prepared, as a clause; "" where they do
/// not.
template <class Ready>
std::string objection(const Ready& ready, const Limits& limits) {
  if (limits.deterministic && !ready.deterministic()) return "its bits may differ from run to run";
  if (ready.workspace_bytes() <= limits.workspace_bytes) return "";
  return "needs " + std::to_string(ready.workspace_bytes()) + " bytes of workspace, the limit is " +
         std::to_string(limits.workspace_bytes);
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

/// Of an op whose Args are its operands in order, then Context.
template <class Op>
class LaunchOf final : public Launch {
 public:
  using Args = typename Op::Args;

  explicit LaunchOf(std::unique_ptr<Prepared<Args>> p) : prepared_{std::move(p)} {}
  std::size_t workspace_bytes() const override { return prepared_->workspace_bytes(); }
  bool deterministic() const override { return prepared_->deterministic(); }
  void bind(std::span<const TensorView> operands, const Context& context) override {
    if (operands.size() != kOperands) {
      throw InvalidArgument(std::string(Op::kName) + " takes " + std::to_string(kOperands) +
                            " operands, not " + std::to_string(operands.size()));
    }
    args_ = make(operands, context, std::make_index_sequence<kOperands>{});
    prepared_->bind(args_);
  }
  void run(StreamView stream) override { prepared_->run(args_, stream); }

 private:
  static constexpr std::size_t kOperands = (sizeof(Args) - sizeof(Context)) / sizeof(TensorView);
  static_assert(kOperands * sizeof(TensorView) + sizeof(Context) == sizeof(Args),
                "Args is operands, then Context");

  template <std::size_t... I>
  static Args make(std::span<const TensorView> v, const Context& c, std::index_sequence<I...>) {
    return Args{v[I]..., c};
  }
  std::unique_ptr<Prepared<Args>> prepared_;
  Args args_{};
};

}  // namespace fovea
