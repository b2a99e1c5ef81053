// one_door.h - the one way in which every algorithm of every op is tested: run on guarded memory
// and compared with the reference, by the machinery of kernels/compare.
#pragma once

#include <fovea/kernels/compare/execution.h>
#include <fovea/kernels/compare/op_traits.h>
#include <fovea/kernels/ops/accuracy.h>

#include <gtest/gtest.h>

namespace fovea::test {

using namespace fovea::compare;

/// Compares all outputs and the state. `exact`: to the bit; else within the op's tolerance.
/// `stored`: the mode whose types the tensors have; `factor` as Algorithm's error_factor.
template <class Op>
void expect_close(const Case<Op>& got, const Case<Op>& in, const Case<Op>& reference, bool exact,
                  Math math, Math stored = Math::fp32, double factor = 1) {
  const auto operands = OpTraits<Op>::operands(in.problem);
  const auto allowed =
      exact ? std::vector<std::vector<double>>{} : allowed_differences(in, reference, math);
  for (const auto& found : output_differences(got, reference, allowed, stored, factor)) {
    EXPECT_EQ(to_string(found.difference), "")
        << operands[found.operand].name << (exact ? ", which is to be exact" : "");
  }
  EXPECT_EQ(std::memcmp(&got.state, &reference.state, sizeof(StepState)), 0)
      << "nonfinite is " << got.state.nonfinite << ", should be " << reference.state.nonfinite
      << ", or another field of the state changed";
}

template <class Op>
bool shares_memory(const typename Op::Problem& problem) {
  const auto operands = OpTraits<Op>::operands(problem);
  return std::ranges::any_of(operands, [](const auto& o) { return !o.may_be.empty(); });
}

/// The result of run(); what it did beside computing is a failure.
template <class Op, class Run>
Case<Op> run_cleanly(Execution<Op>& execution, const Run& run) {
  Case<Op> result = run();
  for (const std::string& fault : execution.faults()) ADD_FAILURE() << fault;
  return result;
}

/// What is done beside one comparison with the reference.
struct Thoroughness {
  bool again = true;     // once more on the same workspace: the same bits
  bool in_place = true;  // where an output may share an input's memory: the same bits
};

/// One algorithm on one problem: integers to the bit where both algorithm and op promise it, else
/// within the op's bound. Returns the result.
template <class Op>
Case<Op> expect_right(const Algorithm<Op>& algorithm, const Variant& variant,
                      const DeviceInfo& device, const Case<Op>& in, const Case<Op>& reference,
                      Values values, const Thoroughness& thoroughness) {
  // A reference result of almost nothing but zeros would hide what an algorithm does.
  EXPECT_EQ(why_not_telling(reference), "");
  const bool exact = values == Values::integers && algorithm.exact_on_integers &&
                     OpTraits<Op>::exact_on_integers(in.problem);
  Execution<Op> execution(algorithm, variant, device, in, false);
  const Case<Op> first = run_cleanly(execution, [&] { return execution.run(); });
  const Math stored = storage_of(algorithm);
  expect_close(first, in, reference, exact, algorithm.math, stored,
               error_factor(execution.prepared(), algorithm.error_factor));
  if (thoroughness.again) {
    SCOPED_TRACE("second run");
    expect_close(run_cleanly(execution, [&] { return execution.run_again(); }), in, first, true,
                 algorithm.math, stored);
  }
  if (thoroughness.in_place && shares_memory<Op>(in.problem)) {
    SCOPED_TRACE("in place");
    Execution<Op> in_place(algorithm, variant, device, in, true);
    expect_close(run_cleanly(in_place, [&] { return in_place.run(); }), in, first, true,
                 algorithm.math, stored);
  }
  return first;
}

}  // namespace fovea::test
