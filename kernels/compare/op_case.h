// op_case.h - what a check must know about an op (OpTraits), and of it and a problem a Subject.
// Internal. The rows_*.cpp make them for every op; others take them from typed.h.
#pragma once

#include <fovea/core/error.h>
#include <fovea/kernels/compare/subject.h>
#include <fovea/kernels/compare/tolerance.h>
#include <fovea/kernels/compare/typed.h>
#include <fovea/kernels/compare/windows.h>
#include <fovea/kernels/ops/accuracy.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::compare {

/// What most ops share; each op's OpTraits derives from it and has
///   operands(problem)                              the tensors of its Args
///   tolerance(problem, in, reference, i, math)     as Subject::tolerance(), or both of
///   absolute_sums(problem, in)
///   sum_tolerance(problem, sums, reference, i, math)
template <class Op>
struct CommonTraits {
  using Problem = typename Op::Problem;
  using Operands = std::vector<Operand>;
  /// Whether small integers make the exact result an fp32 that any order of sums finds.
  static bool exact_on_integers(const Problem&) { return true; }
  /// Share of zeros in an output beyond which a comparison is taken to be blind.
  static double most_zeros(const Problem&) { return most_zeros_where(1); }
  /// A state in which each field matters.
  static StepState state(const Problem&) {
    return {.seed = 0x9876543210ULL, .step = 3, .first_row = 5, .learning_rate = 0.25F, .slot = 1};
  }
  static constexpr bool kNeedsState = false;
};

template <class Op>
struct OpTraits;

template <class Op>
class ReadyOf final : public Ready {
 public:
  using Args = typename Op::Args;

  explicit ReadyOf(std::unique_ptr<Prepared<Args>> p)
      : prepared_{std::move(p)}, converts_{dynamic_cast<Converts<Args>*>(prepared_.get())} {}
  std::size_t workspace_bytes() const override { return prepared_->workspace_bytes(); }
  bool deterministic() const override { return prepared_->deterministic(); }
  double error_factor(double of_algorithm) const override {
    return fovea::error_factor(*prepared_, of_algorithm);
  }
  void bind(std::span<const TensorView> tensors, const Context& context) override {
    args_ = args_of<Op>(tensors, context);
    prepared_->bind(args_);
  }
  void run(StreamView stream) override { prepared_->run(args_, stream); }
  Layout layout() const override { return converts_ ? converts_->layout() : Layout::nhwc; }
  void convert_inputs(StreamView stream) override {
    if (converts_) converts_->convert_inputs(args_, stream);
  }
  void compute(StreamView stream) override {
    converts_ ? converts_->compute(stream) : prepared_->run(args_, stream);
  }
  void convert_outputs(StreamView stream) override {
    if (converts_) converts_->convert_outputs(args_, stream);
  }
  std::vector<WorkspaceGap> gaps() const override {
    return converts_ ? converts_->gaps() : std::vector<WorkspaceGap>{};
  }

 private:
  std::unique_ptr<Prepared<Args>> prepared_;
  Converts<Args>* converts_;  // prepared_, where it works in another layout
  Args args_{};
};

/// Algorithm and problem outlive it.
template <class Op>
class TrialOf final : public Trial {
 public:
  using Problem = typename Op::Problem;

  TrialOf(const Algorithm<Op>& a, const Problem& p, Math math)
      : Trial{in_mode(facts_of(a), math)}, algorithm_{a}, problem_{p} {}
  Verdict verdict(const DeviceInfo& device, Math math) const override {
    return fovea::verdict(algorithm_, problem_, device, math);
  }
  Verdict offers(const DeviceInfo& device, const Limits& limits) const override {
    return fovea::offers(algorithm_, problem_, device, limits);
  }
  std::vector<Variant> variants(const DeviceInfo& device, const Limits& limits) const override {
    return variants_of(algorithm_, problem_, device, limits);
  }
  std::unique_ptr<Ready> prepare(const Variant& variant, const DeviceInfo& device) const override {
    return std::make_unique<ReadyOf<Op>>(algorithm_.prepare(problem_, variant, device));
  }

 private:
  static AlgorithmFacts in_mode(AlgorithmFacts facts, Math math) {
    facts.math = math;
    return facts;
  }

  const Algorithm<Op>& algorithm_;
  const Problem& problem_;
};

template <class Op>
class SubjectOf final : public Subject {
 public:
  using Problem = typename Op::Problem;
  using Traits = OpTraits<Op>;
  static constexpr bool kIsSum = requires(const Problem& p, const CaseValues& in) {
    Traits::absolute_sums(p, in);
  };

  explicit SubjectOf(const Problem& p) : Subject{facts_of(p)}, problem_{p} {}
  CaseValues absolute_sums(const CaseValues& in) const override {
    if constexpr (kIsSum) return Traits::absolute_sums(problem_, in);
    return {};
  }
  std::vector<double> tolerance(const CaseValues& in, const CaseValues& sums,
                                const CaseValues& reference, std::size_t operand,
                                Math math) const override {
    if constexpr (kIsSum) {
      return Traits::sum_tolerance(problem_, sums, reference, operand, math);
    } else {
      return Traits::tolerance(problem_, in, reference, operand, math);
    }
  }
  std::vector<std::unique_ptr<Trial>> trials(const Registry& registry) const override {
    std::vector<std::unique_ptr<Trial>> all;
    for (const Algorithm<Op>& a : registry.list<Op>()) {
      all.push_back(std::make_unique<TrialOf<Op>>(a, problem_, a.math));
    }
    for (const Algorithm<Op>& a : registry.list<Op>()) {
      if (!a.bf16_tensors || !any_narrow(operands())) continue;
      all.push_back(std::make_unique<TrialOf<Op>>(a, problem_, Math::bf16));
    }
    return all;
  }

 private:
  static SubjectFacts facts_of(const Problem& p) {
    SubjectFacts f{.op = Op::kName,
                   .pass = Op::kPass,
                   .problem = to_string(p),
                   .flops = 0,
                   .operands = Traits::operands(p),
                   .places = kOperandsOf<Op>,
                   .exact_on_integers = Traits::exact_on_integers(p),
                   .most_zeros = Traits::most_zeros(p),
                   .needs_state = Traits::kNeedsState,
                   .state = Traits::state(p)};
    if constexpr (requires { p.flops(); }) f.flops = p.flops();
    return f;
  }

  Problem problem_;
};

template <class Op>
std::unique_ptr<Subject> Typed<Op>::subject(const Problem& p) {
  return std::make_unique<SubjectOf<Op>>(p);
}
template <class Op>
std::unique_ptr<Trial> Typed<Op>::trial(const Algorithm<Op>& a, const Problem& p, Math math) {
  return std::make_unique<TrialOf<Op>>(a, p, math);
}

}  // namespace fovea::compare
