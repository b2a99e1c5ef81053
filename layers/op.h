// op.h - an op of a graph without its type: what a plan needs to choose, prepare and run it.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/policy.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace fovea {

/// What a plan is made for.
struct Target {
  const Registry& registry;
  DeviceInfo device;
  Math math = Math::fp32;
  Policy policy;
};

/// One prepared op of a plan.
class Launch {
 public:
  virtual ~Launch() = default;
  virtual std::size_t workspace_bytes() const = 0;
  virtual bool deterministic() const = 0;
  /// Final addresses, in the order inputs, outputs; an absent one has data == nullptr.
  virtual void bind(std::span<const TensorView> operands, const Context& context) = 0;
  virtual void run(StreamView stream) = 0;
};

struct PreparedOp {
  std::unique_ptr<Launch> launch;
  Choice choice;
};

/// Runs `launch`, then `checker` on copies of the operands, waits, and throws Error where what they
/// leave differs by more than rounding: in fp32 a thousandth of the largest magnitude, in bf16 and
/// tf32 a thirtieth. For finding a wrong kernel, not for judging its rounding.
FOVEA_API std::unique_ptr<Launch> checked_launch(std::unique_ptr<Launch> launch,
                                                 std::unique_ptr<Launch> checker,
                                                 std::string checker_name, const Target& target);

class Op {
 public:
  virtual ~Op() = default;
  virtual std::string_view kind() const = 0;  // "conv"
  virtual Pass pass() const = 0;
  virtual std::string problem() const = 0;
  /// Floating-point operations; 0 where that is not what the op is about.
  virtual std::int64_t flops() const = 0;
  /// Chooses by the policy for `layer`. Throws Unsupported with each engine's reason.
  virtual PreparedOp prepare(const Target& target, std::string_view layer) const = 0;
};

/// An op that the registry has a list for. Tag::Args holds the operands in order, then Context.
template <class Tag>
class OpOf final : public Op {
 public:
  using Problem = typename Tag::Problem;
  using Args = typename Tag::Args;

  explicit OpOf(const Problem& p) : problem_{p} {}
  const Problem& typed_problem() const { return problem_; }

  std::string_view kind() const override { return Tag::kName; }
  Pass pass() const override { return Tag::kPass; }
  std::string problem() const override { return to_string(problem_); }
  std::int64_t flops() const override {
    if constexpr (requires { problem_.flops(); }) return problem_.flops();
    return 0;
  }
  PreparedOp prepare(const Target& t, std::string_view layer) const override {
    const Chosen<Tag> c = choose<Tag>(t.registry, problem_, t.device, t.math, t.policy, layer);
    Choice choice{c.algorithm->engine, c.algorithm->name, c.variant, c.why};
    auto launch = std::make_unique<LaunchOf>(c.algorithm->prepare(problem_, c.variant, t.device));
    if (c.checker == nullptr) return {std::move(launch), std::move(choice)};
    choice.checker = c.checker->engine + ":" + c.checker->name;
    auto checker =
        std::make_unique<LaunchOf>(c.checker->prepare(problem_, c.checker_variant, t.device));
    return {checked_launch(std::move(launch), std::move(checker), choice.checker, t),
            std::move(choice)};
  }

 private:
  static constexpr std::size_t kOperands = (sizeof(Args) - sizeof(Context)) / sizeof(TensorView);
  static_assert(kOperands * sizeof(TensorView) + sizeof(Context) == sizeof(Args),
                "Args is operands, then Context");

  class LaunchOf final : public Launch {
   public:
    explicit LaunchOf(std::unique_ptr<Prepared<Args>> p) : prepared_{std::move(p)} {}
    std::size_t workspace_bytes() const override { return prepared_->workspace_bytes(); }
    bool deterministic() const override { return prepared_->deterministic(); }
    void bind(std::span<const TensorView> operands, const Context& context) override {
      if (operands.size() != kOperands) {
        throw InvalidArgument(std::string(Tag::kName) + " takes " + std::to_string(kOperands) +
                              " operands, not " + std::to_string(operands.size()));
      }
      args_ = make(operands, context, std::make_index_sequence<kOperands>{});
      prepared_->bind(args_);
    }
    void run(StreamView stream) override { prepared_->run(args_, stream); }

   private:
    template <std::size_t... I>
    static Args make(std::span<const TensorView> v, const Context& c, std::index_sequence<I...>) {
      return Args{v[I]..., c};
    }
    std::unique_ptr<Prepared<Args>> prepared_;
    Args args_{};
  };

  Problem problem_;
};

/// The op as Tag's, or nullptr.
template <class Tag>
const typename Tag::Problem* problem_as(const Op& op) {
  const auto* typed = dynamic_cast<const OpOf<Tag>*>(&op);
  return typed != nullptr ? &typed->typed_problem() : nullptr;
}

}  // namespace fovea
