#include <fovea/tests/support/one_door.h>

#include <algorithm>
#include <cstring>

namespace fovea::test {
namespace {

bool shares_memory(const Subject& subject) {
  return std::ranges::any_of(subject.operands(),
                             [](const Operand& o) { return !o.may_be.empty(); });
}

// The result of run(); what it did beside computing is a failure.
template <class Run>
CaseValues run_cleanly(Execution& execution, const Run& run) {
  CaseValues result = run();
  for (const std::string& fault : execution.faults()) ADD_FAILURE() << fault;
  return result;
}

}  // namespace

void expect_close(const Subject& subject, const CaseValues& got, const CaseValues& in,
                  const CaseValues& reference, bool exact, Math math, double error_factor) {
  const auto allowed =
      exact ? std::vector<std::vector<double>>{}
            : allowed_differences(subject, in, subject.absolute_sums(in), reference, math);
  for (const auto& found :
       output_differences(subject, got, reference, allowed, math, error_factor)) {
    EXPECT_EQ(to_string(found.difference), "")
        << subject.operands()[found.operand].name << (exact ? ", which is to be exact" : "");
  }
  EXPECT_EQ(std::memcmp(&got.state, &reference.state, sizeof(StepState)), 0)
      << "nonfinite is " << got.state.nonfinite << ", should be " << reference.state.nonfinite
      << ", or another field of the state changed";
}

CaseValues expect_right(const Subject& subject, const Trial& trial, const Variant& variant,
                        const DeviceInfo& device, const CaseValues& in, const CaseValues& reference,
                        Values values, const Thoroughness& thoroughness) {
  // A reference result of almost nothing but zeros would hide what an algorithm does.
  EXPECT_EQ(why_not_telling(subject, reference), "");
  const AlgorithmFacts& a = trial.algorithm();
  const bool exact =
      values == Values::integers && a.exact_on_integers && subject.facts().exact_on_integers;
  Execution execution(subject, trial, variant, device, in, false);
  CaseValues first = run_cleanly(execution, [&] { return execution.run(); });
  expect_close(subject, first, in, reference, exact, a.math,
               execution.ready().error_factor(a.error_factor));
  if (thoroughness.again) {
    SCOPED_TRACE("second run");
    expect_close(subject, run_cleanly(execution, [&] { return execution.run_again(); }), in, first,
                 true, a.math);
  }
  if (thoroughness.in_place && shares_memory(subject)) {
    SCOPED_TRACE("in place");
    Execution in_place(subject, trial, variant, device, in, true);
    expect_close(subject, run_cleanly(in_place, [&] { return in_place.run(); }), in, first, true,
                 a.math);
  }
  return first;
}

}  // namespace fovea::test
