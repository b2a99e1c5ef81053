// policy_test.cpp - engine lists and their words, limits, and choices that are recorded;
// `check:A,B` names the layer whose kernel is wrong.
#include <fovea/core/error.h>
#include <fovea/kernels/registry/registry.h>
#include <gtest/gtest.h>

#include "tiny_net.h"

namespace fovea::test {
namespace {

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
  for (const char* text : {"fastest:onednn", "smallest:direct", "check:fastest:a,b"}) {
    EXPECT_THROW(parse_engines(text), InvalidArgument) << text;
  }
}

TEST(EngineList, IsPrintedAsItIsRead) {
  for (const char* text : {"onednn,reference", "fastest,reference", "fovea:direct_tiled,smallest",
                           "check:onednn:winograd,reference,check:fastest,simd:loops,simd"}) {
    EXPECT_EQ(engines_text(parse_engines(text)), text);
  }
}

TEST(EngineList, OfALayerHoldsForItsBackwardOps) {
  Policy p = Policy::defaults(Device::cpu());
  p.layers.push_back(parse_layer_engines("conv1=reference"));
  EXPECT_EQ(p.for_layer("conv1'").front().engine, "reference");
  EXPECT_EQ(p.for_layer("conv12").front().engine, "simd");
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
  const auto training = e.add_training(kTinyBatch);
  e.allocate();
  e.initialise(3);
  const TinyBatch batch = tiny_batch(kTinyBatch, 4);
  for (std::uint64_t step = 0; step < 3; ++step) {
    e.enqueue(training, batch.input(), state_of(step, step == 2 ? 4 : kTinyBatch));
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
  EXPECT_EQ(trained("check:reference,cudnn,reference", default_registry()),
            trained("reference", default_registry()));
  EXPECT_THROW(trained("check:wrong,reference", registry), Unsupported);
}

// Algorithms that compute nothing, each with a workspace and an opinion on its bits.
class Limited : public testing::Test {
 protected:
  void add(const char* engine, std::size_t workspace, bool deterministic = true,
           std::vector<Variant> variants = {}) {
    Algorithm<Scale> a;
    a.engine = engine;
    a.name = "loops";
    a.devices = Devices::cpu;
    if (!variants.empty()) {
      a.variants = [variants](const auto&, const auto&, const auto&) { return variants; };
    }
    a.prepare = [=](const auto&, const Variant& v, const DeviceInfo&) {
      return std::make_unique<Nothing>(v == "lean" ? 0 : workspace, deterministic);
    };
    registry_.add(a);
  }
  Chosen<Scale> chosen(const std::string& engines) {
    policy_.engines = parse_engines(engines);
    return choose<Scale>(registry_, {}, device_info(Device::cpu()), Math::fp32, policy_, "fc");
  }
  std::string refusal(const std::string& engines) {
    try {
      return chosen(engines).algorithm->engine;
    } catch (const Unsupported& e) {
      return e.what();
    }
  }

  Registry registry_;
  Policy policy_;

 private:
  class Nothing final : public Prepared<Scale::Args> {
   public:
    Nothing(std::size_t workspace, bool deterministic)
        : workspace_{workspace}, deterministic_{deterministic} {}
    std::size_t workspace_bytes() const override { return workspace_; }
    bool deterministic() const override { return deterministic_; }
    void run(const Scale::Args&, StreamView) override {}

   private:
    std::size_t workspace_;
    bool deterministic_;
  };
};

TEST_F(Limited, SmallestTakesTheLeastWorkspace) {
  add("large", 4096);
  add("small", 64);
  add("middle", 512);
  add("reference", 0);  // always a last resort, never the answer
  EXPECT_EQ(chosen("smallest").algorithm->engine, "small");
  EXPECT_EQ(chosen("smallest").why, "least workspace: 64 bytes");
}

TEST_F(Limited, WhatNeedsMoreWorkspaceIsPassedOverByEveryWord) {
  add("large", 4096, true, {"fat", "lean"});
  add("small", 64);
  policy_.limits.workspace_bytes = 4095;
  EXPECT_EQ(chosen("large").variant, "lean");
  EXPECT_EQ(chosen("large").why,
            "large:loops fat: needs 4096 bytes of workspace, the limit is 4095");
  EXPECT_EQ(chosen("large,small").algorithm->engine, "large");
  EXPECT_EQ(chosen("smallest").variant, "lean");
  EXPECT_EQ(chosen("check:small,large").checker->engine, "large");
  policy_.limits.workspace_bytes = 63;
  EXPECT_EQ(chosen("small,large").algorithm->engine, "large");
  EXPECT_EQ(refusal("small"),
            "layer fc: nothing in the list can run scale forward n0f1 in fp32 on cpu (small:loops: "
            "needs 64 bytes of workspace, the limit is 63); add one that can to the list: large");
  policy_.tuner = std::make_shared<FirstGuess>();
  EXPECT_EQ(chosen("fastest").variant, "lean");
}

TEST_F(Limited, WhatDoesNotRepeatItsBitsIsPassedOverUnlessLetIn) {
  add("loose", 0, false);
  add("strict", 8);
  EXPECT_EQ(chosen("loose,strict").why, "loose:loops: its bits may differ from run to run");
  EXPECT_EQ(chosen("smallest").algorithm->engine, "strict");
  EXPECT_NE(refusal("loose").find("its bits may differ"), std::string::npos);
  policy_.limits.deterministic = false;
  EXPECT_EQ(chosen("loose,strict").algorithm->engine, "loose");
  EXPECT_EQ(chosen("smallest").algorithm->engine, "loose");
}

TEST_F(Limited, WhatHasNoVariantThatRepeatsIsPassedOverUnlessLetIn) {
  add("loose", 0, false);
  registry_.list<Scale>().back().variants = [](const auto&, const auto&, const Limits& limits) {
    return limits.deterministic ? std::vector<Variant>{} : std::vector<Variant>{"atomic"};
  };
  add("strict", 8);
  EXPECT_EQ(chosen("loose,strict").why,
            "loose:loops: the bits of each variant may differ from run to run");
  policy_.limits.deterministic = false;
  EXPECT_EQ(chosen("loose,strict").variant, "atomic");
}

TEST_F(Limited, WhatIsRecordedComesBeforeTheList) {
  add("a", 0);
  add("b", 0, true, {"one", "two"});
  const auto record = [&](const std::string& engine, const Variant& variant) {
    ChoiceRecords records;
    records.add({"fc", "scale", Pass::forward, "n0f1", engine, "loops", variant});
    policy_.recorded = std::make_shared<ChoiceRecords>(ChoiceRecords::parse(records.text()));
  };
  record("b", "two");
  EXPECT_EQ(chosen("a").algorithm->engine, "b");
  EXPECT_EQ(chosen("a").variant, "two");
  EXPECT_EQ(chosen("check:b,a").checker->engine, "a");
  record("a", "such a variant");
  EXPECT_EQ(chosen("b").algorithm->engine, "b") << "the list's, where it need not repeat";
  policy_.must_repeat = true;
  EXPECT_THROW(chosen("b"), NotRepeatable);
  EXPECT_EQ(refusal("b"),
            "layer fc: the run computed scale forward n0f1 in fp32 on cpu by a:loops such a "
            "variant, which cannot be repeated here (a:loops: has no variant 'such a variant')");
  record("gone", "");
  EXPECT_NE(refusal("b").find("by gone:loops, which cannot be repeated here (gone:loops: is not "
                              "there)"),
            std::string::npos)
      << refusal("b");
  policy_.recorded = std::make_shared<ChoiceRecords>();
  EXPECT_THROW(chosen("b"), NotRepeatable);
}

TEST(ChoiceRecords, SayHowOpsWereJoined) {
  ChoiceRecords records;
  records.add({"conv1", "conv", Pass::forward, "n1c2h8k4r3+bias+relu", "a", "b", ""});
  const auto joined = [&](const char* problem) {
    return records.joined("conv1", "conv", Pass::forward, problem);
  };
  EXPECT_TRUE(joined("n1c2h8k4r3"));
  EXPECT_TRUE(joined("n1c2h8k4r3+bias"));
  EXPECT_TRUE(joined("n1c2h8k4r3+bias+relu"));
  EXPECT_FALSE(joined("n1c2h8k4r3+bias+tanh"));
  EXPECT_FALSE(joined("n2c2h8k4r3"));
  EXPECT_FALSE(records.joined("conv2", "conv", Pass::forward, "n1c2h8k4r3"));
  EXPECT_EQ(ChoiceRecords::parse(records.text()), records);
  for (const char* bad : {"a", "a\tb\tforward\tp\te\talg", "a\tb\tsideways\tp\te\talg\tv"}) {
    EXPECT_THROW(ChoiceRecords::parse(bad), FormatError) << bad;
  }
}

TEST(EngineFastest, TrainsAsTheListItPicked) {
  const Recipe recipe = tiny_recipe();
  ExecutorOptions o;
  o.policy.engines = parse_engines("fastest,reference");
  Executor e(recipe, 3, Preprocessing::none(recipe.input), default_registry(), o);
  const auto training = e.add_training(kTinyBatch);
  int timed = 0;
  for (const PlanRow& r : e.plan(training).rows()) {
    EXPECT_NE(r.choice.why, "first in the list") << r.layer << " " << r.kind;
    timed += r.choice.why.starts_with("fastest: ");
  }
  EXPECT_GE(timed, 4);
  // The same choices by record, and the same bits.
  ExecutorOptions again;
  again.policy.recorded = std::make_shared<ChoiceRecords>(e.choices());
  again.policy.must_repeat = true;
  Executor f(recipe, 3, Preprocessing::none(recipe.input), default_registry(), again);
  const auto same = f.add_training(kTinyBatch);
  EXPECT_EQ(f.choices(), e.choices());
  for (Executor* x : {&e, &f}) {
    x->allocate();
    x->initialise(3);
  }
  EXPECT_EQ(train_steps(e, training, 3, kTinyBatch), train_steps(f, same, 3, kTinyBatch));
}

TEST(EngineFastest, IsRefusedWhereNoTimeIsASpeed) {
  ExecutorOptions o{.device = Device::emulated()};
  o.policy.layers.push_back(parse_layer_engines("conv*=fovea:naive,fastest"));
  const Recipe recipe = tiny_recipe();
  EXPECT_THROW(Executor(recipe, 3, Preprocessing::none(recipe.input), default_registry(), o),
               Unsupported);
}

}  // namespace
}  // namespace fovea::test
