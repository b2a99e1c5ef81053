// deviceless_test.cpp - our operation graphs in the real cuDNN, which answers for an H100 that is
// not there. Skipped, with the reason, where cuDNN is not here.
#include <fovea/core/error.h>
#include <fovea/kernels/cudnn/conv_graph.h>
#include <fovea/kernels/cudnn/engine_config.h>
#include <fovea/tests/kernels/cudnn/deviceless.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace fovea::test {
namespace {

using namespace fovea::cudnn;

class DevicelessCudnn : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    try {
      api_ = deviceless_cudnn();
    } catch (const Error& e) {
      GTEST_SKIP() << e.what();
    }
    api_->check(api_->create(&handle_), "the described card");
  }

  /// Proposals that compute as `math` asks, without regard for determinism.
  std::vector<Candidate> candidates(const ConvSetup& setup) {
    const ConvGraph graph(*api_, handle_, setup);
    std::vector<Candidate> all = propose(*api_, graph.descriptor());
    std::erase_if(all, [&](const Candidate& c) { return !admits(c.notes, setup.math, false); });
    return all;
  }

  std::optional<CudnnApi> api_;
  cudnnHandle_t handle_ = nullptr;
};

TEST_P(DevicelessCudnn, EveryPassHasDeterministicEngines) {
  for (const Pass pass : {Pass::forward, Pass::dgrad, Pass::wgrad}) {
    for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
      for (const Layout layout : {Layout::nhwc, Layout::nchw}) {
        SCOPED_TRACE(std::string(name_of(pass)) + " in " + std::string(name_of(math)) +
                     (layout == Layout::nhwc ? ", NHWC" : ", NCHW"));
        const auto found = candidates({pass, parse_conv(GetParam()), math, layout});
        EXPECT_TRUE(std::ranges::any_of(found, [&](const Candidate& c) {
          return static_cast<bool>(admits(c.notes, math, true));
        }));
      }
    }
  }
}

TEST_P(DevicelessCudnn, BiasAndReluAreFused) {
  ConvProblem p = parse_conv(GetParam());
  p.epilogue = {.bias = true, .relu = true};
  for (const Math math : {Math::fp32, Math::tf32}) {
    EXPECT_FALSE(candidates({Pass::forward, p, math}).empty()) << name_of(math);
  }
}

// The text of a variant is enough to build what the heuristics proposed.
TEST_P(DevicelessCudnn, VariantsBecomePlans) {
  const ConvSetup setup{Pass::wgrad, parse_conv(GetParam()), Math::fp32};
  const ConvGraph graph(*api_, handle_, setup);
  int built = 0;
  for (const Candidate& c : candidates(setup)) {
    const EngineConfig config = parse_engine_config(to_string(c.config));
    const ExecutionPlan plan = execution_plan(*api_, handle_, graph.descriptor(), config);
    EXPECT_EQ(plan.workspace_bytes, c.workspace_bytes) << to_string(c.config);
    EXPECT_EQ(plan.notes, c.notes) << to_string(c.config);
    ++built;
  }
  EXPECT_GT(built, 0);
}

INSTANTIATE_TEST_SUITE_P(Problems, DevicelessCudnn,
                         testing::Values("n128c3h227k96r11u4", "n128c96h27k256r5ph2g2",
                                         "n128c256h13k384r3ph1", "n4c5h9w7k6r3s2ph1:0pw0:1"));

}  // namespace
}  // namespace fovea::test
