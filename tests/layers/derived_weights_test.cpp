// derived_weights_test.cpp - weights in the order of a first convolution with a stride: who
// refreshes them and when, that no plan reads what was derived of other weights, and their memory.
#include <fovea/core/resource_adaptors.h>
#include <fovea/train/memory.h>
#include <fovea/train/predictor.h>
#include <gtest/gtest.h>

#include <limits>

#include "strided_net.h"

namespace fovea::test {
namespace {

std::size_t foldings(const Plan& plan) {
  return static_cast<std::size_t>(
      std::ranges::count(plan.rows(), FoldWeights::kName, &PlanRow::kind));
}

void train(StridedNet& net, std::uint64_t first, int steps) {
  const TinyBatch b = strided_pictures();
  for (int i = 0; i < steps; ++i) {
    net.executor.enqueue(net.training, b.input(),
                         state_of(first + static_cast<std::uint64_t>(i), kStridedImages));
  }
}

// What another net predicts with these weights.
std::vector<float> anew(const ExecutorOptions& o, std::span<const float> weights) {
  StridedNet net(o);
  net.executor.set_weights(weights);
  return net.probabilities();
}

TEST(DerivedWeights, AreRefreshedOnceBehindTheUpdateAndNeverInPrediction) {
  for (const Math math : {Math::tf32, Math::bf16}) {
    const StridedNet net(math, "fovea");
    const Plan& training = net.executor.plan(net.training);
    const Plan& prediction = net.executor.plan(net.prediction);
    EXPECT_EQ(foldings(training), 1U);
    EXPECT_EQ(training.rows().back().kind, FoldWeights::kName);
    EXPECT_EQ(training.rows().back().layer, "conv1");
    EXPECT_EQ(training.rows().back().problem, "k8c3r7u4");
    EXPECT_EQ(foldings(prediction), 0U);
    for (const Plan* plan : {&training, &prediction}) {
      ASSERT_EQ(plan->derived().size(), 1U);
      const PlanDerived& d = plan->derived().front();
      EXPECT_EQ(d.name,
                math == Math::bf16 ? "conv1.weight in bf16 in s2d4" : "conv1.weight in s2d4");
      EXPECT_EQ(d.shape, (Shape{8, 2, 2, 48}));
      EXPECT_EQ(d.dtype, activation_type(math));
      EXPECT_EQ(d.in_step, plan == &training);
    }
  }
  const StridedNet plain(Math::bf16, "fovea:implicit_gemm,fovea");
  EXPECT_TRUE(plain.executor.plan(plain.training).derived().empty());
  EXPECT_EQ(foldings(plain.executor.plan(plain.training)), 0U);
}

// fovea's algorithm that notes each run.
class CountedFolding final : public Prepared<FoldWeights::Args> {
 public:
  CountedFolding(std::unique_ptr<Prepared<FoldWeights::Args>> folding, int& runs)
      : folding_{std::move(folding)}, runs_{runs} {}
  void run(const FoldWeights::Args& args, StreamView stream) override {
    ++runs_;
    folding_->run(args, stream);
  }

 private:
  std::unique_ptr<Prepared<FoldWeights::Args>> folding_;
  int& runs_;
};

Registry counting_foldings(int& runs) {
  Registry registry = default_registry();
  for (Algorithm<FoldWeights>& a : registry.list<FoldWeights>()) {
    a.prepare = [prepare = a.prepare, &runs](const auto& p, const Variant& v, const auto& device) {
      return std::make_unique<CountedFolding>(prepare(p, v, device), runs);
    };
  }
  return registry;
}

TEST(DerivedWeights, AreMadeOnceForWeightsThatAreSetAndOnceAStep) {
  int runs = 0;
  ExecutorOptions o = StridedNet::options(Math::tf32, "fovea");
  o.replay = false;
  StridedNet net(o, {}, kStridedImages, counting_foldings(runs));
  EXPECT_EQ(runs, 1) << "initialised, for both plans";
  net.probabilities();
  net.probabilities();
  EXPECT_EQ(runs, 1) << "prediction folds nothing";
  train(net, 0, 2);
  EXPECT_EQ(runs, 3);
  net.probabilities();
  EXPECT_EQ(runs, 3);
  net.executor.set_weights(net.executor.weights());
  EXPECT_EQ(runs, 4);
}

// Prediction reads the bytes that training's steps leave, launched and replayed, on both lanes.
TEST(DerivedWeights, AreThoseOfTheLastStep) {
  for (const Math math : {Math::tf32, Math::bf16}) {
    for (const int lanes : {1, 2}) {
      for (const bool replay : {false, true}) {
        ExecutorOptions o = StridedNet::options(math, "fovea");
        o.lanes = lanes;
        o.replay = replay;
        StridedNet net(o);
        std::vector<float> before = net.probabilities();
        for (int step = 0; step < 3; ++step) {
          train(net, static_cast<std::uint64_t>(step), 1);
          const std::vector<float> now = net.probabilities();
          EXPECT_NE(now, before) << "the step changed nothing: the test says nothing";
          EXPECT_EQ(now, anew(o, net.executor.weights())) << "step " << step;
          before = now;
        }
      }
    }
  }
}

TEST(DerivedWeights, OfStepsInARowAreThoseOfStepsWhoseWeightsComeFromTheHost) {
  StridedNet whole(Math::bf16, "fovea"), in_parts(Math::bf16, "fovea");
  train(whole, 0, 3);
  for (int step = 0; step < 3; ++step) {
    train(in_parts, static_cast<std::uint64_t>(step), 1);
    in_parts.executor.set_weights(in_parts.executor.weights());
  }
  EXPECT_EQ(whole.executor.weights(), in_parts.executor.weights());
}

TEST(DerivedWeights, AreThoseThatWereSet) {
  const ExecutorOptions o = StridedNet::options(Math::bf16, "fovea");
  StridedNet net(o), other(o);
  other.executor.initialise(6);
  const std::vector<float> before = net.probabilities();
  net.executor.set_weights(other.executor.weights());
  EXPECT_EQ(net.probabilities(), other.probabilities());
  EXPECT_NE(net.probabilities(), before);
}

TEST(DerivedWeights, OfSharedWeightsAreTheExecutorsOwn) {
  const ExecutorOptions o = StridedNet::options(Math::bf16, "fovea");
  StridedNet net(o);
  const std::vector<float> w = net.executor.weights();
  const Stream stream(o.device);
  const Tensor block({static_cast<std::int64_t>(w.size())}, DType::f32, stream);
  stream.view().copy(block.data(), w.data(), block.bytes());
  stream.view().synchronize();
  Executor shares(strided_recipe(), 3, strided_preprocessing(), default_registry(), o);
  const auto prediction = shares.add_prediction(kStridedImages);
  ASSERT_EQ(shares.plan(prediction).derived().size(), 1U);
  shares.allocate(block);
  const TinyBatch b = strided_pictures();
  shares.enqueue(prediction, {b.images, {}, {}}, state_of(0, kStridedImages));
  EXPECT_EQ(shares.read(prediction, "probabilities"), net.probabilities());
}

// Plans of one picture and of all, of one executor.
TEST(DerivedWeights, OfAPredictorAreThoseOfItsModel) {
  const Model model(strided_recipe(), {"a", "b", "c"}, strided_preprocessing(), 5);
  const ExecutorOptions o = StridedNet::options(Math::bf16, "fovea");
  Predictor predict(
      model, {.device = o.device, .max_batch = kStridedImages, .math = o.math, .policy = o.policy});
  const TinyBatch b = strided_pictures();
  std::vector<ImageView> images;
  for (std::size_t i = 0; i < kStridedImages; ++i) {
    images.push_back({b.images.data() + i * 27 * 27 * 3, 27, 27, 27 * 3, PixelFormat::rgb8});
  }
  const std::span weights(model.weights().as<float>(),
                          static_cast<std::size_t>(model.weights().elements()));
  const std::vector<float> expected = anew(o, weights);
  const std::vector<Prediction> all = predict(images);
  for (std::size_t at = 0; at < images.size(); ++at) {
    const Prediction one = predict(images[at]);
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_EQ(all[at].probabilities()[c], expected[3 * at + c]) << at;
      EXPECT_NEAR(one.probabilities()[c], expected[3 * at + c], 1e-3) << at;
    }
  }
}

// As recorded, prediction of 2 pictures folds and training of 3 does not: it refreshes nothing.
std::shared_ptr<const ChoiceRecords> folding_in_prediction() {
  auto records = std::make_shared<ChoiceRecords>();
  const auto add = [&](const std::string& engines, bool of_prediction) {
    const StridedNet net(StridedNet::options(Math::bf16, engines), {}, 2);
    const ChoiceRecords choices = net.executor.choices();
    for (const ChoiceRecord& r : choices.all()) {
      const bool of_two = r.problem.starts_with("n2c") || r.problem.starts_with("m2n");
      if (of_two == of_prediction) records->add(r);
    }
  };
  add("fovea", true);
  add("fovea:implicit_gemm,fovea", false);
  return records;
}

TEST(DerivedWeights, ThatTrainingDoesNotRefreshAreMadeBeforeTheyAreRead) {
  ExecutorOptions o = StridedNet::options(Math::bf16, "fovea");
  o.policy.recorded = folding_in_prediction();
  o.policy.must_repeat = true;
  StridedNet net(o, {}, 2);
  ASSERT_FALSE(net.folds(net.training));
  ASSERT_TRUE(net.folds(net.prediction));
  TinyBatch b = strided_pictures();
  b.images.resize(b.images.size() / 3 * 2);
  const auto predict = [&b](StridedNet& n) {
    n.executor.enqueue(n.prediction, {b.images, {}, {}}, state_of(0, 2));
    return n.executor.read(n.prediction, "probabilities");
  };
  const std::vector<float> before = predict(net);
  train(net, 0, 2);
  StridedNet other(o, {}, 2);
  other.executor.set_weights(net.executor.weights());
  EXPECT_NE(predict(net), before);
  EXPECT_EQ(predict(net), predict(other));
}

TEST(DerivedWeights, OfAStepThatLostNumbersStay) {
  const ExecutorOptions o = StridedNet::options(Math::bf16, "fovea");
  StridedNet net(o);
  const std::vector<float> before = net.probabilities();
  TinyBatch b = strided_pictures();
  StepState state = state_of(0, kStridedImages, std::numeric_limits<float>::quiet_NaN());
  state.nonfinite = 1;
  net.executor.enqueue(net.training, b.input(), state);
  EXPECT_EQ(net.probabilities(), before);
}

TEST(DerivedWeights, AreCountedToTheByte) {
  for (const Math math : {Math::tf32, Math::bf16}) {
    StatisticsResource counted(default_resource(Device::emulated()));
    ExecutorOptions o = StridedNet::options(math, "fovea");
    o.memory = &counted;
    StridedNet net(o);
    EXPECT_EQ(counted.statistics().current_bytes, net.executor.planned_bytes());
    const std::uint64_t before = counted.statistics().allocations;
    train(net, 0, 2);
    net.probabilities();
    EXPECT_EQ(counted.statistics().allocations, before) << "a step allocates";

    std::size_t conv1 = 0;
    for (const LayerMemory& l : memory_by_layer(net.executor, net.training)) {
      if (l.layer == "conv1") conv1 = l.parameters;
    }
    const std::size_t element = size_of(activation_type(math));
    const std::size_t master = math == Math::bf16 ? 14 : 12;  // with momentum and gradient
    EXPECT_EQ(conv1, (8 * 7 * 7 * 3 + 8) * master + 8 * 2 * 2 * 48 * element);
  }
}

// A run recorded before its weights were derived goes on: elements moved are the same bits.
TEST(DerivedWeights, NeedNoRecord) {
  ExecutorOptions o = StridedNet::options(Math::bf16, "fovea");
  StridedNet net(o);
  auto recorded = std::make_shared<ChoiceRecords>();
  const ChoiceRecords choices = net.executor.choices();
  for (const ChoiceRecord& r : choices.all()) {
    if (r.op != FoldWeights::kName) recorded->add(r);
  }
  EXPECT_LT(recorded->all().size(), choices.all().size());
  o.policy.recorded = recorded;
  o.policy.must_repeat = true;
  StridedNet again(o);
  EXPECT_EQ(again.executor.plan(again.training).derived().size(), 1U);
  EXPECT_EQ(again.probabilities(), net.probabilities());
}

}  // namespace
}  // namespace fovea::test
