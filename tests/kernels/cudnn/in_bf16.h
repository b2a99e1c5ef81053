// in_bf16.h - the one door in bf16: an algorithm on bf16 tensors with fp32 biases, against the
// reference on the same values in fp32, within the bound of its sums and one rounding of each
// result to bf16.
#pragma once

#include <fovea/tests/support/one_door.h>

namespace fovea::test {

template <class Op>
void expect_right_in_bf16(const Algorithm<Op>& algorithm, const Variant& variant,
                          const DeviceInfo& device, const typename Op::Problem& problem) {
  const Case<Op> in = make_case<Op>(problem, Values::reals, 1, Math::bf16);
  expect_right(algorithm, variant, device, in, run_reference(in), Values::reals,
               {.again = false, .in_place = false});
}

}  // namespace fovea::test
