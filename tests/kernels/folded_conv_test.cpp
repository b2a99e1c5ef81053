// folded_conv_test.cpp - convolutions on what lies in s2d, which no shared list has: the passes of
// space_to_depth against the reference, whose own is the plain convolution of folded tensors.
#include <fovea/kernels/ops/space_to_depth.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/tests/support/one_door.h>
#include <gtest/gtest.h>

#include <string>

namespace fovea::test {
namespace {

/// Runs all algorithms that take s2d, in each math mode, on the problem; at least one in each.
template <class Op>
void expect_right_on(const char* text) {
  static const Registry registry = default_registry();
  const ConvProblem p = parse_conv(text);
  const DeviceInfo device = device_info(Device::emulated());
  for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
    SCOPED_TRACE(std::string(text) + " in " + std::string(name_of(math)));
    int taken = 0;
    for (const Algorithm<Op>& a : registry.list<Op>()) {
      if (!a.takes_s2d || !verdict(a, p, device, math)) continue;
      ++taken;
      for (const Values values : {Values::integers, Values::reals}) {
        const Case<Op> in = make_case<Op>(p, values, 1, math);
        expect_right(a, a.variants(p, device, {}).front(), device, in, run_reference(in), values,
                     {});
      }
    }
    // 2 x 2 pixels of 3 channels fill no 16 bytes of bf16.
    EXPECT_EQ(taken, math == Math::bf16 && p.u == 2 ? 0 : 1);
  }
}

TEST(FoldedConvolution, ForwardAgreesWithTheReference) {
  for (const char* text :
       {"n2c3h31k8r7u4ph2+s2d+bias+relu", "n1c3h23w19k20r11u4+s2d", "n2c3h16k5r5u2ph1+s2d+bias"}) {
    expect_right_on<ConvForward>(text);
  }
}

TEST(FoldedConvolution, WgradAgreesWithTheReference) {
  for (const char* text :
       {"n2c3h31k8r7u4ph2+s2d+db", "n1c3h23w19k20r11u4+s2d+acc", "n2c3h16k5r5u2ph1+s2d"}) {
    expect_right_on<ConvWgrad>(text);
  }
}

// ws[k, i, j, (a, b, c)] = w[k, 2 i + a, 2 j + b, c] by hand: of a 2 x 1 filter at stride 2, taps
// (0, 0) and (1, 0) stand first and third in each pixel of four, and the second column is dropped.
TEST(FoldedConvolution, TheReferencesGradientIsInTheOrderOfTheFilter) {
  ConvProblem p = parse_conv("n1c1h2w2k1r2s1u2+s2d");
  Case<ConvWgrad> in = make_case<ConvWgrad>(p, Values::integers, 1);
  const std::vector<float> pixel = {2, 3, 5, 7};
  std::ranges::copy(pixel, values_of(in, "x").begin());
  values_of(in, "dy")[0] = 10;
  const CaseValues got = run_reference(in);
  EXPECT_EQ(
      std::vector<float>(got.tensors[2].as<float>().begin(), got.tensors[2].as<float>().end()),
      (std::vector<float>{20, 50}));
}

}  // namespace
}  // namespace fovea::test
