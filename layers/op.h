// op.h - an op of a graph without its type: what a plan needs to choose, prepare and run it.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/error.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/choose.h>
#include <fovea/kernels/ops/launch.h>

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace fovea {

/// Calls its argument once under each other order of threads that must make no difference on the
/// target's device, with the order's name.
using OtherOrders = std::function<void(const std::function<void(const std::string& order)>&)>;

/// What a plan is made for.
struct Target {
  const Registry& registry;
  DeviceInfo device;
  Math math = Math::fp32;
  Policy policy;
  OtherOrders other_orders = {};  // for `check:`; empty: the device knows one
};

struct PreparedOp {
  std::unique_ptr<Launch> launch;
  Choice choice;
};

/// What `check:` found: layer, op, problem, the first wrong element with both values.
class FOVEA_API CheckFailed : public Error {
 public:
  CheckFailed(std::string found, std::string again)
      : Error(found + "; again: fovea " + again),
        found_{std::move(found)},
        again_{std::move(again)} {}
  const std::string& found() const { return found_; }
  /// Arguments of the `fovea` command that show the same kernel on the same problem alone.
  const std::string& again() const { return again_; }

 private:
  std::string found_, again_;
};

/// Which op a checked launch runs, for its report.
struct CheckedOp {
  std::string kind, problem;
  Pass pass = Pass::forward;
  std::string name, checker;  // "mine:mine", "reference:loops"
  Variant variant = {};       // of the first
};

/// Runs `launch`, then `checker` on copies of the operands, waits, and throws CheckFailed where
/// what they leave differs by more than rounding: in fp32 a thousandth of the largest magnitude, in
/// bf16 and tf32 a thirtieth. For finding a wrong kernel, not for judging its rounding. In its
/// first run `launch` runs under the target's other orders too, each of which must give the same
/// bits.
FOVEA_API std::unique_ptr<Launch> checked_launch(std::unique_ptr<Launch> launch,
                                                 std::unique_ptr<Launch> checker, CheckedOp op,
                                                 const Target& target);

/// Op::prepare() among candidates.
FOVEA_API PreparedOp prepare_one(const Candidates& candidates, const Target& target,
                                 std::string_view layer, std::span<const TensorView> operands);

class Op {
 public:
  virtual ~Op() = default;
  virtual std::string_view kind() const = 0;  // "conv"
  virtual Pass pass() const = 0;
  virtual std::string problem() const = 0;
  /// Floating-point operations; 0 where that is not what the op is about.
  virtual std::int64_t flops() const = 0;
  /// Chooses by the policy for `layer`. `operands`: inputs and outputs in order, without addresses;
  /// an absent one has no shape. Throws Unsupported with each engine's reason.
  virtual PreparedOp prepare(const Target& target, std::string_view layer,
                             std::span<const TensorView> operands) const = 0;
};

/// An op that the registry has a list for. Tag::Args holds the operands in order, then Context.
template <class Tag>
class OpOf final : public Op {
 public:
  using Problem = typename Tag::Problem;

  explicit OpOf(const Problem& p) : problem_{p} {}
  const Problem& typed_problem() const { return problem_; }

  std::string_view kind() const override { return Tag::kName; }
  Pass pass() const override { return Tag::kPass; }
  std::string problem() const override { return to_string(problem_); }
  std::int64_t flops() const override {
    if constexpr (requires { problem_.flops(); }) return problem_.flops();
    return 0;
  }
  PreparedOp prepare(const Target& t, std::string_view layer,
                     std::span<const TensorView> operands) const override {
    const CandidatesOf<Tag> candidates(t.registry, problem_, t.device, t.math);
    return prepare_one(candidates, t, layer, operands);
  }

 private:
  Problem problem_;
};

/// The op as Tag's, or nullptr.
template <class Tag>
const typename Tag::Problem* problem_as(const Op& op) {
  const auto* typed = dynamic_cast<const OpOf<Tag>*>(&op);
  return typed != nullptr ? &typed->typed_problem() : nullptr;
}

}  // namespace fovea
