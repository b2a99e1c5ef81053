// one_door.h - the one way in which every algorithm of every op is tested: run on guarded memory
// and compared with the reference, by the machinery of kernels/compare.
#pragma once

#include <fovea/kernels/compare/execution.h>
#include <fovea/kernels/compare/typed.h>

#include <gtest/gtest.h>

namespace fovea::test {

using namespace fovea::compare;

/// Compares all outputs and the state. `exact`: to the bit; else within the op's tolerance.
/// `math`: the mode whose types the tensors have; `error_factor` as in Algorithm.
void expect_close(const Subject& subject, const CaseValues& got, const CaseValues& in,
                  const CaseValues& reference, bool exact, Math math, double error_factor = 1);

/// What is done beside one comparison with the reference.
struct Thoroughness {
  bool again = true;     // once more on the same workspace: the same bits
  bool in_place = true;  // where an output may share an input's memory: the same bits
};

/// One algorithm on one problem: integers to the bit where both algorithm and op promise it, else
/// within the op's bound. Returns the result.
CaseValues expect_right(const Subject& subject, const Trial& trial, const Variant& variant,
                        const DeviceInfo& device, const CaseValues& in, const CaseValues& reference,
                        Values values, const Thoroughness& thoroughness);

// The same with an op's type.

template <class Op>
void expect_close(const CaseValues& got, const Case<Op>& in, const CaseValues& reference,
                  bool exact, Math math) {
  expect_close(*Typed<Op>::subject(in.problem), got, in, reference, exact, math);
}

template <class Op>
void expect_right(const Algorithm<Op>& algorithm, const Variant& variant, const DeviceInfo& device,
                  const Case<Op>& in, const CaseValues& reference, Values values,
                  const Thoroughness& thoroughness) {
  expect_right(*Typed<Op>::subject(in.problem),
               *Typed<Op>::trial(algorithm, in.problem, algorithm.math), variant, device, in,
               reference, values, thoroughness);
}

}  // namespace fovea::test
