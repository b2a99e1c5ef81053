// op_case.h - one call of an op on the host: its problem, operands and step state as values, and
// what a check must know about an op (OpTraits). Internal.
#pragma once

#include <fovea/core/error.h>
#include <fovea/kernels/compare/fill.h>
#include <fovea/kernels/compare/host_tensor.h>
#include <fovea/kernels/compare/tolerance.h>
#include <fovea/kernels/cpu/reference/reference.h>
#include <fovea/kernels/ops/registry.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::compare {

enum class Role { in, out, in_out };

/// One tensor of an op's Args.
template <class Op>
struct Operand {
  std::string_view name;
  TensorView Op::Args::*member;
  Role role = Role::in;
  Shape shape;
  DType dtype = DType::f32;
  Fill fill = {};                // empty: any_values()
  std::string_view may_be = "";  // the input that this output may share its memory with
  bool wide = false;             // fp32 in every math mode: a bias, a sum of many
};

template <class Op>
struct Case {
  typename Op::Problem problem;
  std::vector<HostTensor> tensors;  // one for each of OpTraits<Op>::operands(problem)
  StepState state;
};

/// What most ops share; each op's OpTraits derives from it and has
///   operands(problem)                     the tensors of its Args
///   tolerance(in, reference, i, math)     allowed |difference| of each element of operand i,
///                                         given the case and the reference's result
template <class Op>
struct CommonTraits {
  using Problem = typename Op::Problem;
  using Operands = std::vector<Operand<Op>>;
  /// Whether small integers make the exact result an fp32 that any order of sums finds.
  static bool exact_on_integers(const Problem&) { return true; }
  /// Share of zeros in an output beyond which a comparison is taken to be blind.
  static double most_zeros(const Problem&) { return 0.7; }
  /// A state in which each field matters.
  static StepState state(const Problem&) {
    return {.seed = 0x9876543210ULL, .step = 3, .first_row = 5, .learning_rate = 0.25F, .slot = 1};
  }
  static constexpr bool kNeedsState = false;
};

template <class Op>
struct OpTraits;

/// A case with every operand filled; the same for the same arguments.
template <class Op>
Case<Op> make_case(const typename Op::Problem& problem, Values values, std::uint64_t seed,
                   Math math = Math::fp32) {
  Case<Op> c{problem, {}, OpTraits<Op>::state(problem)};
  std::uint32_t index = 0;
  for (const Operand<Op>& o : OpTraits<Op>::operands(problem)) {
    HostTensor& t = c.tensors.emplace_back(o.dtype, o.shape);
    if (o.role != Role::out) {
      (o.fill ? o.fill : any_values())(
          t, {values, math, Philox{seed, stream_key(Purpose::test, index, 0)}});
    }
    ++index;
  }
  return c;
}

/// Index of the operand of that name.
template <class Op>
std::size_t index_of(const typename Op::Problem& problem, std::string_view name) {
  const auto operands = OpTraits<Op>::operands(problem);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].name == name) return i;
  }
  throw InvalidArgument("no operand is called " + std::string(name));
}

/// The elements of the operand of that name.
template <class T = float, class Op>
std::span<T> values_of(Case<Op>& c, std::string_view name) {
  return c.tensors[index_of<Op>(c.problem, name)].template as<T>();
}

/// The case's outputs as the reference computes them; what is only read is left empty.
template <class Op>
Case<Op> reference_outputs(const Case<Op>& in) {
  Registry registry;
  add_reference_algorithms(registry);
  Case<Op> c{in.problem, {}, in.state};
  typename Op::Args args{};
  const auto operands = OpTraits<Op>::operands(c.problem);
  c.tensors.resize(operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const HostTensor& given = in.tensors[i];
    auto* bytes = const_cast<std::byte*>(given.bytes.data());  // views are not const; nobody writes
    if (operands[i].role != Role::in) {
      c.tensors[i] = given;
      bytes = c.tensors[i].bytes.data();
    }
    args.*(operands[i].member) = {bytes, given.dtype, given.shape};
  }
  if (OpTraits<Op>::kNeedsState) args.context.state = &c.state;
  const Stream stream(Device::cpu());
  const auto prepared = registry.list<Op>().front().prepare(c.problem, "", {});
  std::vector<std::byte> workspace(prepared->workspace_bytes());
  args.context.workspace = workspace.data();
  prepared->run(args, stream);
  stream.view().synchronize();
  return c;
}

/// The same beside the case's inputs.
template <class Op>
Case<Op> run_reference(Case<Op> c) {
  Case<Op> out = reference_outputs(c);
  const auto operands = OpTraits<Op>::operands(c.problem);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].role == Role::in) out.tensors[i] = std::move(c.tensors[i]);
  }
  return out;
}

/// Sum of the absolute values of what adds up to an output, for ops that are sums of products: the
/// op itself on absolute values.
template <class Op>
Case<Op> magnitudes(Case<Op> c) {
  const auto operands = OpTraits<Op>::operands(c.problem);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (c.tensors[i].dtype != DType::f32) continue;
    for (float& v : c.tensors[i].template as<float>()) v = std::abs(v);
  }
  return reference_outputs(c);
}

/// `factor` units of roundoff of each |element|, and next to nothing for a zero.
inline std::vector<double> roundoffs(const HostTensor& of, double factor) {
  const auto values = of.as<float>();
  std::vector<double> t(values.size());
  std::ranges::transform(values, t.begin(), [factor](float v) {
    return factor * kUnitRoundoff * std::abs(double{v});
  });
  return t;
}

/// Only equality will do.
inline std::vector<double> none(const HostTensor& of) {
  return std::vector<double>(of.bytes.size() / size_of(of.dtype), 0.0);
}

}  // namespace fovea::compare
