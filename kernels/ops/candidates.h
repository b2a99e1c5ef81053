// candidates.h - the algorithms of one op for one problem, without the op's type: what a choice
// among them asks, which is compiled once and not for every op.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/device.h>
#include <fovea/kernels/ops/launch.h>
#include <fovea/kernels/ops/registry.h>
#include <fovea/kernels/ops/samples.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

/// What an Algorithm says of itself, whatever its op.
struct AlgorithmFacts {
  const std::string& engine;
  const std::string& name;
  Devices devices = Devices::none;
  Math math = Math::fp32;
  bool exact_on_integers = true;
  double error_factor = 1;
  bool bf16_tensors = false;
  bool has_variants = false;
};

template <class Op>
AlgorithmFacts facts_of(const Algorithm<Op>& a) {
  return {a.engine,
          a.name,
          a.devices,
          a.math,
          a.exact_on_integers,
          a.error_factor,
          a.bf16_tensors,
          static_cast<bool>(a.variants)};
}

/// One problem, a device, a math mode, and the op's algorithms, by their place in the registry.
class FOVEA_API Candidates {
 public:
  Candidates(std::string_view op, Pass pass, const DeviceInfo& device, Math math)
      : op_{op}, pass_{pass}, device_{device}, math_{math} {}
  virtual ~Candidates();
  Candidates(const Candidates&) = delete;
  Candidates& operator=(const Candidates&) = delete;

  std::string_view op() const { return op_; }
  Pass pass() const { return pass_; }
  const DeviceInfo& device() const { return device_; }
  Math math() const { return math_; }
  virtual std::string problem() const = 0;
  /// "conv forward n1c16h14k32r3 in fp32 on cpu".
  std::string text() const;

  virtual std::size_t size() const = 0;
  virtual AlgorithmFacts facts(std::size_t i) const = 0;
  virtual Verdict verdict(std::size_t i) const = 0;
  /// See offers() in launch.h.
  virtual Verdict offers(std::size_t i, const Limits& limits) const = 0;
  virtual std::vector<Variant> variants(std::size_t i, const Limits& limits) const = 0;
  virtual std::unique_ptr<Launch> prepare(std::size_t i, const Variant& variant) const = 0;
  /// Fills an operand whose bytes mean something (samples.h).
  virtual bool sample(std::size_t operand, std::span<std::byte> bytes) const = 0;

 private:
  std::string_view op_;
  Pass pass_;
  const DeviceInfo& device_;
  Math math_;
};

/// Of an op. Registry, problem and device outlive it.
template <class Op>
class CandidatesOf final : public Candidates {
 public:
  using Problem = typename Op::Problem;

  CandidatesOf(const Registry& registry, const Problem& problem, const DeviceInfo& device,
               Math math)
      : Candidates{Op::kName, Op::kPass, device, math},
        list_{registry.list<Op>()},
        problem_{problem} {}

  std::string problem() const override { return to_string(problem_); }
  std::size_t size() const override { return list_.size(); }
  AlgorithmFacts facts(std::size_t i) const override { return facts_of(list_[i]); }
  Verdict verdict(std::size_t i) const override {
    return fovea::verdict(list_[i], problem_, device(), math());
  }
  Verdict offers(std::size_t i, const Limits& limits) const override {
    return fovea::offers(list_[i], problem_, device(), limits);
  }
  std::vector<Variant> variants(std::size_t i, const Limits& limits) const override {
    return variants_of(list_[i], problem_, device(), limits);
  }
  std::unique_ptr<Launch> prepare(std::size_t i, const Variant& variant) const override {
    return std::make_unique<LaunchOf<Op>>(list_[i].prepare(problem_, variant, device()));
  }
  bool sample(std::size_t operand, std::span<std::byte> bytes) const override {
    return sample_operand<Op>(problem_, operand, bytes);
  }

 private:
  const std::vector<Algorithm<Op>>& list_;
  const Problem& problem_;
};

}  // namespace fovea
