// typed.h - subjects, trials and values of an op whose type is at hand. Internal. What is behind
// them is compiled in the rows_*.cpp, once for every op.
#pragma once

#include <fovea/kernels/compare/subject.h>

#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace fovea::compare {

template <class Op>
struct Typed {
  using Problem = typename Op::Problem;
  static std::unique_ptr<Subject> subject(const Problem& p);
  /// Algorithm and problem outlive it.
  static std::unique_ptr<Trial> trial(const Algorithm<Op>& a, const Problem& p, Math math);
};

/// As the functions of subject.h, of an op.
template <class Op>
CaseValues run_reference(const typename Op::Problem& problem, CaseValues in) {
  return run_reference(*Typed<Op>::subject(problem), std::move(in));
}
template <class Op>
CaseValues magnitudes(const typename Op::Problem& problem, CaseValues in) {
  return magnitudes(*Typed<Op>::subject(problem), std::move(in));
}

/// A call with its op's type.
template <class Op>
struct Case : CaseValues {
  typename Op::Problem problem;
};

template <class Op>
Case<Op> make_case(const typename Op::Problem& problem, Values values, std::uint64_t seed,
                   Math math = Math::fp32) {
  return {make_values(*Typed<Op>::subject(problem), values, seed, math), problem};
}

template <class Op>
Case<Op> run_reference(Case<Op> c) {
  const auto subject = Typed<Op>::subject(c.problem);
  return {run_reference(*subject, static_cast<CaseValues&&>(c)), c.problem};
}

/// The elements of the operand of that name.
template <class T = float, class Op>
std::span<T> values_of(Case<Op>& c, std::string_view name) {
  return c.tensors[Typed<Op>::subject(c.problem)->index_of(name)].template as<T>();
}

}  // namespace fovea::compare
