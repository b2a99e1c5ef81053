// in_bf16.h - the one door in bf16: an algorithm on bf16 tensors with fp32 biases, against the
// reference on the same values in fp32.
#pragma once

#include <fovea/tests/support/one_door.h>
#include <fovea/tests/support/op_traits.h>

#include <algorithm>
#include <cmath>

namespace fovea::test {

/// The same values in another type, rounded where they must be.
inline HostTensor converted(const HostTensor& t, DType to) {
  HostTensor result(to, t.shape);
  if (to == DType::bf16) {
    std::ranges::transform(t.as<float>(), result.as<bf16>().begin(), to_bf16);
  } else {
    std::ranges::transform(t.as<bf16>(), result.as<float>().begin(), to_float);
  }
  return result;
}

/// Biases and their gradients, the only operands of one axis, are fp32 in every math mode.
inline bool is_bias(const HostTensor& t) { return t.shape.rank() == 1; }

/// Compares an algorithm in bf16 with the reference, within the bound of its sums and one rounding
/// of each result to bf16 (2^-9 of it; twice that, since an engine may round before an epilogue).
template <class Op>
void expect_right_in_bf16(const Algorithm<Op>& algorithm, const Variant& variant,
                          const DeviceInfo& device, const typename Op::Problem& problem) {
  const Case<Op> in = make_case<Op>(problem, Values::reals, 1, Math::bf16);
  const Case<Op> reference = run_reference(in);
  Case<Op> narrow = in;
  for (HostTensor& t : narrow.tensors) {
    if (!is_bias(t)) t = converted(t, DType::bf16);
  }
  const Case<Op> got = Execution<Op>(algorithm, variant, device, narrow, false).run();
  const auto operands = OpTraits<Op>::operands(problem);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].role == Role::in) continue;
    std::vector<double> tolerance = OpTraits<Op>::tolerance(in, reference, i, Math::bf16);
    const HostTensor& want = reference.tensors[i];
    if (!is_bias(want)) {
      for (std::size_t j = 0; j < tolerance.size(); ++j) {
        tolerance[j] += 0x1p-8 * std::abs(double{want.as<float>()[j]});
      }
    }
    const HostTensor& result = got.tensors[i];
    EXPECT_EQ(differences(is_bias(want) ? result : converted(result, DType::f32), want, tolerance),
              "")
        << operands[i].name;
  }
}

}  // namespace fovea::test
