// subject.h - what is compared, without its types: an op with a problem, an algorithm on it, and
// that algorithm made ready. Internal. Everything that checks and measures is written on these
// three and compiled once; op_case.h makes them of an op.
#pragma once

#include <fovea/kernels/compare/condition.h>
#include <fovea/kernels/compare/fill.h>
#include <fovea/kernels/compare/host_tensor.h>
#include <fovea/kernels/ops/candidates.h>
#include <fovea/kernels/ops/layout.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::compare {

enum class Role { in, out, in_out };

/// Which of an op's Args a tensor is, counted from 0.
class Place {
 public:
  template <class Args>
  Place(TensorView Args::*member) {  // NOLINT: written as the member
    const Args args{};
    index_ = static_cast<std::size_t>(&(args.*member) - reinterpret_cast<const TensorView*>(&args));
  }
  std::size_t index() const { return index_; }

 private:
  std::size_t index_;
};

/// One tensor of an op's Args.
struct Operand {
  std::string_view name;
  Place member;
  Role role = Role::in;
  Shape shape;
  DType dtype = DType::f32;
  Fill fill = {};                // empty: any_values()
  Condition condition = {};      // what values from elsewhere must be
  std::string_view may_be = "";  // the input that this output may share its memory with
  bool wide = false;             // fp32 in every math mode: a bias, a sum of many
};

/// The type in which an operand lies on the device: bf16 for what a bf16 algorithm reads and
/// writes, but for sums that stay fp32 (Operand::wide).
DType stored_type(const Operand& o, Math math);
/// Whether any of them lies in bf16 in that mode.
bool any_narrow(const std::vector<Operand>& operands);

/// The contents of one call on the host.
struct CaseValues {
  std::vector<HostTensor> tensors;  // one for each of the operands
  StepState state;
};

/// A prepared algorithm.
class Ready {
 public:
  virtual ~Ready() = default;
  virtual std::size_t workspace_bytes() const = 0;
  virtual bool deterministic() const = 0;
  /// The variant's own (accuracy.h), else `of_algorithm`.
  virtual double error_factor(double of_algorithm) const = 0;
  /// `tensors`: all of Args, in order.
  virtual void bind(std::span<const TensorView> tensors, const Context& context) = 0;
  virtual void run(StreamView stream) = 0;
  /// The parts of run() where it works in another layout (Converts); else compute() is all of it.
  virtual Layout layout() const = 0;
  virtual void convert_inputs(StreamView stream) = 0;
  virtual void compute(StreamView stream) = 0;
  virtual void convert_outputs(StreamView stream) = 0;
  virtual std::vector<WorkspaceGap> gaps() const = 0;
};

/// An algorithm on the problem of a Subject, and the math mode of a net that it runs in: its own,
/// or, if it has none and takes bf16 tensors, bf16 as well.
class Trial {
 public:
  explicit Trial(const AlgorithmFacts& algorithm) : algorithm_{algorithm} {}
  virtual ~Trial() = default;
  const AlgorithmFacts& algorithm() const { return algorithm_; }
  virtual Verdict verdict(const DeviceInfo& device, Math math) const = 0;
  /// See offers() in launch.h.
  virtual Verdict offers(const DeviceInfo& device, const Limits& limits) const = 0;
  virtual std::vector<Variant> variants(const DeviceInfo& device, const Limits& limits) const = 0;
  virtual std::unique_ptr<Ready> prepare(const Variant& variant,
                                         const DeviceInfo& device) const = 0;

 private:
  AlgorithmFacts algorithm_;
};

/// What is to be known of an op and a problem (OpTraits).
struct SubjectFacts {
  std::string_view op;
  Pass pass = Pass::forward;
  std::string problem;
  std::int64_t flops = 0;  // 0 where that is not what the op is about
  std::vector<Operand> operands;
  std::size_t places = 0;  // tensors of Args; some may be no operand of this problem
  bool exact_on_integers = true;
  double most_zeros = 0;
  bool needs_state = false;
  StepState state;
};

/// An op with a problem.
class Subject {
 public:
  explicit Subject(SubjectFacts facts) : facts_{std::move(facts)} {}
  virtual ~Subject() = default;
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  const SubjectFacts& facts() const { return facts_; }
  const std::vector<Operand>& operands() const { return facts_.operands; }
  /// Index of the operand of that name. Throws InvalidArgument.
  std::size_t index_of(std::string_view name) const;

  /// For sums of products, the sums of their absolute values; else nothing. Takes as long as the
  /// reference.
  virtual CaseValues absolute_sums(const CaseValues& in) const = 0;
  /// Allowed |difference| of each element of an operand, given what went in, its absolute_sums()
  /// and the reference's result.
  virtual std::vector<double> tolerance(const CaseValues& in, const CaseValues& sums,
                                        const CaseValues& reference, std::size_t operand,
                                        Math math) const = 0;
  /// The op's algorithms of a registry, in order; then, once more, those without math modes that
  /// take bf16 tensors, in bf16. Registry and subject outlive them.
  virtual std::vector<std::unique_ptr<Trial>> trials(const Registry& registry) const = 0;

 private:
  SubjectFacts facts_;
};

/// Every operand filled; the same for the same arguments.
CaseValues make_values(const Subject& subject, Values values, std::uint64_t seed, Math math);
/// The outputs as the reference computes them; what is only read is left empty.
CaseValues reference_outputs(const Subject& subject, const CaseValues& in);
/// The same beside the inputs.
CaseValues run_reference(const Subject& subject, CaseValues in);
/// Sum of the absolute values of what adds up to an output, for ops that are sums of products: the
/// op itself on absolute values.
CaseValues magnitudes(const Subject& subject, CaseValues in);

/// `factor` units of roundoff of each |element|, and next to nothing for a zero.
std::vector<double> roundoffs(const HostTensor& of, double factor);
/// Only equality will do.
std::vector<double> none(const HostTensor& of);

}  // namespace fovea::compare
