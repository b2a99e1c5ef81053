// cudnn_gpu_test.cpp - engine `cudnn` on the card: every variant that is offered, in every math
// mode, against the reference. Skipped where there is no GPU or no cuDNN, with the reason.
// kernels_gpu_test runs the shared problem lists.
#include <fovea/kernels/cudnn/cudnn.h>
#include <fovea/tests/kernels/cudnn/in_bf16.h>
#include <gtest/gtest.h>

namespace fovea::test {
namespace {

class CudnnGpu : public testing::Test {
 protected:
  void SetUp() override {
    if (Device::best().kind() != DeviceKind::cuda) GTEST_SKIP() << Device::reason();
    if (const CudnnStatus s = cudnn_status(); !s.works) GTEST_SKIP() << s.text;
    add_cudnn_algorithms(registry_);
  }

  /// Every variant of every algorithm of the op; how many ran.
  template <class Op>
  int compare(const typename Op::Problem& p) {
    const DeviceInfo device = device_info(Device::cuda());
    int ran = 0;
    for (const Algorithm<Op>& a : registry_.list<Op>()) {
      if (!a.can_run(p, device)) continue;
      for (const Variant& v : a.variants(p, device, {.workspace_bytes = std::size_t{1} << 28})) {
        SCOPED_TRACE(std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " +
                     to_string(p) + " in " + std::string(name_of(a.math)) + " by cudnn:" + a.name +
                     " '" + v + "'");
        if (a.math == Math::bf16) {
          expect_right_in_bf16(a, v, device, p);
        } else {
          const Case<Op> in = make_case<Op>(p, Values::reals, 1, a.math);
          expect_right(a, v, device, in, run_reference(in), Values::reals, {.in_place = false});
        }
        ++ran;
      }
    }
    return ran;
  }

  Registry registry_;
};

TEST_F(CudnnGpu, EveryVariantOfConvolutionIsRight) {
  for (const char* text : {"n2c3h35k24r11u4ph2", "n2c16h14k48r5ph2g2", "n2c64h13k64r3ph1"}) {
    ConvProblem p = parse_conv(text);
    EXPECT_GT(compare<ConvForward>(p), 3) << text;
    EXPECT_GT(compare<ConvDgrad>(p), 3) << text;
    EXPECT_GT(compare<ConvWgrad>(p), 3) << text;
    p.epilogue = {.bias = true, .relu = true};
    EXPECT_GT(compare<ConvForward>(p), 1) << text;
    p.epilogue = {.mask = true};
    EXPECT_GT(compare<ConvDgrad>(p), 0) << text;
  }
}

TEST_F(CudnnGpu, EveryVariantOfLinearIsRight) {
  LinearProblem p = parse_linear("m32n64k128");
  EXPECT_GT(compare<LinearForward>(p), 3);
  EXPECT_GT(compare<LinearDgrad>(p), 3);
  EXPECT_GT(compare<LinearWgrad>(p), 3);
  p.epilogue = {.bias = true, .relu = true};
  EXPECT_GT(compare<LinearForward>(p), 1);
  p.epilogue = {.db = true};
  EXPECT_GT(compare<LinearWgrad>(p), 0);
}

}  // namespace
}  // namespace fovea::test
