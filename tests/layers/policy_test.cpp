// policy_test.cpp - engine lists and their words: `smallest`, and `check:A,B`, which names the
// layer whose kernel is wrong.
#include <fovea/core/error.h>
#include <fovea/kernels/registry/registry.h>
#include <gtest/gtest.h>

#include "tiny_net.h"

namespace fovea::test {
namespace {

constexpr int kImages = 6;

TEST(EngineList, ReadsNamesAlgorithmsAndWords) {
  EXPECT_EQ(parse_engines("onednn,reference"),
            (std::vector<EngineName>{{"onednn", ""}, {"reference", ""}}));
  EXPECT_EQ(parse_engines("smallest,fovea:direct_tiled"),
            (std::vector<EngineName>{{"smallest", ""}, {"fovea", "direct_tiled"}}));
  EXPECT_EQ(parse_engines("check:onednn:winograd,reference,simd"),
            (std::vector<EngineName>{{"onednn", "winograd", "reference", ""}, {"simd", ""}}));
}

TEST(EngineList, RefusesWhatNamesNothing) {
  for (const char* text :
       {"", ",", "onednn,", ",onednn", "a,,b", "check:", "check:a", "check:a,"}) {
    EXPECT_THROW(parse_engines(text), InvalidArgument) << text;
  }
  EXPECT_THROW(parse_engines("fastest"), Unsupported);
}

// Runs the reference, then makes the result a tenth larger.
class TenPercentMore final : public Prepared<LrnForward::Args> {
 public:
  explicit TenPercentMore(std::unique_ptr<Prepared<LrnForward::Args>> right)
      : right_{std::move(right)} {}
  std::size_t workspace_bytes() const override { return right_->workspace_bytes(); }
  void bind(const LrnForward::Args& args) override { right_->bind(args); }
  void run(const LrnForward::Args& args, StreamView stream) override {
    right_->run(args, stream);
    float* y = args.y.as<float>();
    for (std::int64_t i = 0; i < args.y.elements(); ++i) y[i] *= 1.1F;
  }

 private:
  std::unique_ptr<Prepared<LrnForward::Args>> right_;
};

// With an engine "wrong" that has this one algorithm.
Registry with_wrong_lrn() {
  const Registry right = default_registry();
  Registry registry = right;
  for (const Algorithm<LrnForward>& a : right.list<LrnForward>()) {
    if (a.engine != "reference") continue;
    Algorithm<LrnForward> wrong = a;
    wrong.engine = "wrong";
    wrong.prepare = [loops = a.prepare](const auto& problem, const Variant& v,
                                        const DeviceInfo& d) {
      return std::make_unique<TenPercentMore>(loops(problem, v, d));
    };
    registry.add(wrong);
    break;
  }
  return registry;
}

// Weights after three steps.
std::vector<float> trained(const std::string& engines, const Registry& registry) {
  const Recipe recipe = tiny_recipe();
  ExecutorOptions o;
  o.policy.engines = parse_engines(engines);
  Executor e(recipe, 3, Preprocessing::none(recipe.input), registry, o);
  const auto training = e.add_training(kImages);
  e.allocate();
  e.initialise(3);
  const TinyBatch batch = tiny_batch(kImages, 4);
  for (std::uint64_t step = 0; step < 3; ++step) {
    e.enqueue(training, batch.input(), state_of(step, step == 2 ? 4 : kImages));
  }
  return e.weights();
}

TEST(EngineCheck, ChangesNoBitsOfWhatItChecks) {
  const Registry registry = default_registry();
  EXPECT_EQ(trained("check:simd,reference,check:onednn,reference,reference", registry),
            trained("simd,onednn,reference", registry));
}

TEST(EngineCheck, NamesTheLayerWhoseKernelIsWrong) {
  const Registry registry = with_wrong_lrn();
  EXPECT_NO_THROW(trained("wrong,reference", registry));
  try {
    trained("check:wrong,reference,reference", registry);
    FAIL() << "a result a tenth too large was not seen";
  } catch (const Error& e) {
    const std::string what = e.what();
    EXPECT_NE(what.find("layer lrn"), std::string::npos) << what;
    EXPECT_NE(what.find("wrong:"), std::string::npos) << what;
    EXPECT_NE(what.find("[0,0,0,"), std::string::npos) << what;
    EXPECT_NE(what.find("by reference:"), std::string::npos) << what;
  }
}

TEST(EngineCheck, IsPassedOverWhereOneOfTheTwoCannot) {
  const Registry registry = with_wrong_lrn();  // has nothing but LRN forward
  EXPECT_EQ(trained("check:reference,wrong,reference", default_registry()),
            trained("reference", default_registry()));
  EXPECT_THROW(trained("check:wrong,reference", registry), Unsupported);
}

TEST(EngineSmallest, TakesTheLeastWorkspace) {
  Registry registry;
  const auto add = [&](const char* engine, std::size_t workspace) {
    Algorithm<Scale> a;
    a.engine = engine;
    a.name = "loops";
    a.devices = Devices::cpu;
    a.prepare = [workspace](const auto& problem, const Variant&, const DeviceInfo&) {
      return prepared<Scale>(
          problem, [](const auto&, const auto&, StreamView) {}, workspace);
    };
    registry.add(a);
  };
  add("large", 4096);
  add("small", 64);
  add("middle", 512);
  add("reference", 0);  // always a last resort, never the answer
  Policy policy;
  policy.engines = parse_engines("smallest");
  const auto chosen =
      choose<Scale>(registry, {}, device_info(Device::cpu()), Math::fp32, policy, "");
  EXPECT_EQ(chosen.algorithm->engine, "small");
  EXPECT_EQ(chosen.why, "least workspace: 64 bytes");
}

}  // namespace
}  // namespace fovea::test
