// plan_test.cpp - what a plan promises: gradients, fusion, replay, lanes, partial batches, the
// update skipped on lost numbers, memory to the byte, no allocation in a step.
#include <fovea/core/error.h>
#include <fovea/core/resource_adaptors.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/layers/fuse.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "tiny_net.h"

namespace fovea::test {
namespace {

ExecutorOptions on(const Device& d, const std::string& engines = "") {
  ExecutorOptions o{.device = d};
  if (!engines.empty()) o.policy.engines = parse_engines(engines);
  return o;
}

struct TinyNet {
  Executor executor;
  Executor::PlanId training;

  explicit TinyNet(const ExecutorOptions& o, const Recipe& recipe = tiny_recipe())
      : executor{recipe, 3, Preprocessing::none(recipe.input), default_registry(), o},
        training{executor.add_training(kTinyBatch)} {
    executor.allocate();
    executor.initialise(3);
  }
};

double loss_at(Executor& e, Executor::PlanId evaluation, const TinyBatch& batch,
               std::span<const float> weights) {
  e.set_weights(weights);
  e.enqueue(evaluation, batch.input(), state_of(0, kTinyBatch));
  return e.read_metrics(0, 1)[0].batch.loss;
}

// d loss(w + t v) / dt at 0 equals <gradient, v>, for every parameter by itself. Dropout is off: a
// net without it has the same loss in training and evaluation.
TEST(PlanGradient, MatchesTheDirectionalDerivativeOfEachParameter) {
  Recipe recipe = tiny_recipe();
  std::erase_if(recipe.layers, [](const LayerRecipe& l) { return l.type == "dropout"; });
  Executor e(recipe, 3, Preprocessing::none(recipe.input), default_registry(),
             on(Device::cpu(), "reference"));
  const auto training = e.add_training(kTinyBatch);
  const auto evaluation = e.add_evaluation(kTinyBatch);
  e.allocate();
  e.initialise(5);
  TinyBatch batch = tiny_batch(kTinyBatch, 1);
  for (std::uint8_t& p : batch.images) p = static_cast<std::uint8_t>(p / 100);  // inputs near 1
  const std::vector<float> w = e.weights();
  e.enqueue(training, batch.input(), state_of(0, kTinyBatch, 0.0F));
  const std::vector<float> g = e.gradients();

  const Philox bits{11, stream_key(Purpose::check_gradients, 0, 0)};
  for (std::size_t p = 0; p < e.parameters().size(); ++p) {
    const Segment& s = e.layout().segments()[p];
    std::vector<float> up = w, down = w;
    double analytic = 0, norm = 0;
    constexpr float kStep = 2e-3F;
    for (std::int64_t i = s.offset; i < s.offset + s.length; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const float v = (bits(at)[0] & 1U) != 0 ? 1.0F : -1.0F;
      up[at] += kStep * v;
      down[at] -= kStep * v;
      analytic += static_cast<double>(g[at]) * v;
      norm += std::abs(static_cast<double>(g[at]));
    }
    const double numeric =
        (loss_at(e, evaluation, batch, up) - loss_at(e, evaluation, batch, down)) / (2.0 * kStep);
    EXPECT_NEAR(analytic, numeric, 0.02 * norm + 2e-4) << e.parameters()[p].name;
    EXPECT_GT(norm, 1e-6) << e.parameters()[p].name << " has no gradient";
  }
}

// The same graph with and without the fusion pass computes the same step. The parameter is what
// stands before the dropout: ReLU, whose derivative then looks behind it, or tanh, whose cannot, as
// the dropout scales what it keeps.
class Fusion : public testing::TestWithParam<const char*> {};

TEST_P(Fusion, ChangesNoResult) {
  const bool relu = std::string_view(GetParam()) == "relu";
  const Registry registry = default_registry();
  const Target target{registry,
                      device_info(Device::cpu()),
                      Math::fp32,
                      {.engines = parse_engines("reference"), .layers = {}, .limits = {}}};
  const auto build = [&](Graph& g) {
    Recipe r = tiny_recipe();
    for (LayerRecipe& l : r.layers) {
      if (l.type == "tanh") l.type = GetParam();
      if (l.type == "dropout") l.inverted = true;
    }
    const Value x = g.input("x", {kTinyBatch, 10, 10, 1}, DType::f32);
    const Value labels = g.input("labels", {kTinyBatch}, DType::i32);
    const Value scores = r.net(3)->record(g, x);
    g.add_backward(g.softmax_loss(g.reshape(scores, {kTinyBatch, 3}), labels));
  };
  Graph plain, fused;
  build(plain);
  build(fused);
  fuse(fused, target);
  EXPECT_LT(fused.nodes().size() + 8, plain.nodes().size());
  std::string ops;
  for (const Node& n : fused.nodes()) ops += n.op->problem() + "\n";
  EXPECT_NE(ops.find("+bias+relu"), std::string::npos);
  EXPECT_EQ(ops.find("+bias+tanh") != std::string::npos, !relu);
  EXPECT_EQ(ops.find("+bias+relu+drop0.3:1.428571") != std::string::npos, relu) << ops;
  EXPECT_NE(ops.find("+db"), std::string::npos);

  const Stream stream(Device::cpu());
  std::vector<std::vector<float>> gradients;
  for (const Graph* g : {&plain, &fused}) {
    Plan plan(*g, target);
    const Shape block{plan.layout().count()};
    Tensor weights(block, DType::f32, stream), grads(block, DType::f32, stream);
    for (std::size_t p = 0; p < g->parameters().size(); ++p) {
      const Segment& s = plan.layout().segments()[p];
      fill(g->parameters()[p].init, 9, static_cast<std::uint32_t>(p),
           {weights.as<float>() + s.offset, static_cast<std::size_t>(s.length)});
    }
    std::fill_n(grads.as<float>(), block.elements(), 0.0F);
    Buffer arena(plan.arena_bytes(), stream, default_resource(Device::cpu()));
    StepState state = state_of(0, kTinyBatch);
    plan.bind({.arena = arena.data(),
               .state = &state,
               .weights = weights.view(),
               .velocity = {},
               .gradients = grads.view(),
               .ring = {},
               .constants = {}},
              stream);
    const TinyBatch batch = tiny_batch(kTinyBatch, 2);
    std::copy(batch.images.begin(), batch.images.end(), plan.tensor("x").as<float>());
    std::copy(batch.labels.begin(), batch.labels.end(), plan.tensor("labels").as<std::int32_t>());
    plan.run();
    gradients.push_back(to_host(grads, stream));
  }
  for (std::size_t i = 0; i < gradients[0].size(); ++i) {
    ASSERT_NEAR(gradients[0][i], gradients[1][i], 1e-5F * (1.0F + std::abs(gradients[0][i]))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Activations, Fusion, testing::Values("relu", "tanh"),
                         [](const auto& test) { return std::string(test.param); });

// A residual: the gradients of the two users of a value are added.
TEST(Graph, AddsTheGradientsOfTwoUsers) {
  Graph g;
  const Value x = g.input("x", {2, 4}, DType::f32);
  const Value labels = g.input("labels", {2}, DType::i32);
  const Value h = g.linear(x, g.param({.name = "w", .shape = {4, 4}, .init = {}}));
  const Value sum = g.add(g.relu(h), h);
  g.add_backward(g.softmax_loss(sum, labels));
  int sums = 0;
  for (const Node& n : g.nodes()) sums += n.op->kind() == Add::kName;
  EXPECT_EQ(sums, 2);  // the forward one, and that of the gradients
}

TEST(Graph, RefusesALossThatIsNone) {
  Graph g;
  const Value x = g.input("x", {2, 4}, DType::f32);
  EXPECT_THROW(g.add_backward(g.relu(x)), InvalidArgument);
}

class OnDevice : public ::testing::TestWithParam<Device> {};

TEST_P(OnDevice, PlannedMemoryIsWhatIsTakenToTheByte) {
  StatisticsResource counted(default_resource(GetParam()));
  ExecutorOptions o = on(GetParam());
  o.memory = &counted;
  const TinyNet net(o);
  EXPECT_EQ(counted.statistics().current_bytes, net.executor.planned_bytes());
}

TEST_P(OnDevice, AStepAllocatesNothingFromTheDevice) {
  StatisticsResource counted(default_resource(GetParam()));
  ExecutorOptions o = on(GetParam());
  o.memory = &counted;
  TinyNet net(o);
  train_steps(net.executor, net.training, 1, kTinyBatch);
  const std::uint64_t before = counted.statistics().allocations;
  train_steps(net.executor, net.training, 5, kTinyBatch);
  EXPECT_EQ(counted.statistics().allocations, before);
}

TEST_P(OnDevice, AFailedAllocationLeavesNothingBehind) {
  std::uint64_t n = 1;
  for (bool failed = true; failed; ++n) {
    StatisticsResource counted(default_resource(GetParam()));
    FailingResource failing(counted, n);
    ExecutorOptions o = on(GetParam());
    o.memory = &failing;
    failed = false;
    try {
      const TinyNet net(o);
    } catch (const OutOfMemory&) {
      failed = true;
    }
    EXPECT_EQ(counted.statistics().current_bytes, 0U) << n;
  }
  EXPECT_GE(n, 8U) << "a net takes several blocks";
}

// Rows beyond `valid` give no loss and no gradient, whatever is in them.
TEST_P(OnDevice, APartialBatchIsTheBatchOfItsValidRows) {
  const TinyBatch whole = tiny_batch(kTinyBatch, 4);
  TinyBatch other = whole;
  for (std::size_t i = 4 * 100; i < other.images.size(); ++i) other.images[i] ^= 0x5A;
  std::vector<std::vector<float>> weights;
  for (const TinyBatch& batch : {whole, other}) {
    TinyNet net(on(GetParam()));
    net.executor.enqueue(net.training, batch.input(), state_of(0, 4));
    weights.push_back(net.executor.weights());
    EXPECT_EQ(net.executor.read_metrics(0, 1)[0].batch.valid, 4.0F);
  }
  EXPECT_EQ(weights[0], weights[1]);
}

TEST_P(OnDevice, LostNumbersStopTheUpdateOfThatStepAlone) {
  TinyNet net(on(GetParam()));
  std::vector<float> w = net.executor.weights();
  const std::vector<float> good = w;
  w[0] = std::numeric_limits<float>::quiet_NaN();
  net.executor.set_weights(w);
  const TinyBatch batch = tiny_batch(kTinyBatch, 4);
  net.executor.enqueue(net.training, batch.input(), state_of(0, kTinyBatch));
  const std::vector<float> after = net.executor.weights();
  for (std::size_t i = 1; i < w.size(); ++i) ASSERT_EQ(after[i], w[i]) << i;
  EXPECT_TRUE(net.executor.read_metrics(0, 1)[0].nonfinite);

  net.executor.set_weights(good);
  net.executor.enqueue(net.training, batch.input(), state_of(1, kTinyBatch));
  EXPECT_FALSE(net.executor.read_metrics(1, 1)[0].nonfinite);
  EXPECT_NE(net.executor.weights(), good);
}

// ReLU lies between: max(x, 0) written carelessly turns NaN into 0, and training would go on.
TEST(PlanLostNumbers, PassThroughReluByEveryEngine) {
  for (const char* engines : {"reference", "simd,onednn,reference", "onednn,simd,reference"}) {
    for (const char* lost : {"conv1.weight", "conv1.bias", "conv2.weight"}) {
      SCOPED_TRACE(std::string(engines) + ", " + lost);
      TinyNet net(on(Device::cpu(), engines));
      const auto& parameters = net.executor.parameters();
      const auto at = std::ranges::find(parameters, lost, &ParameterSpec::name);
      ASSERT_NE(at, parameters.end());
      std::vector<float> w = net.executor.weights();
      const auto p = static_cast<int>(at - parameters.begin());
      w[static_cast<std::size_t>(net.executor.layout().offset(p))] =
          std::numeric_limits<float>::quiet_NaN();
      net.executor.set_weights(w);
      net.executor.enqueue(net.training, tiny_batch(kTinyBatch, 4).input(),
                           state_of(0, kTinyBatch));
      EXPECT_TRUE(net.executor.read_metrics(0, 1)[0].nonfinite);
    }
  }
}

TEST_P(OnDevice, TheSameSeedGivesTheSameBits) {
  TinyNet a(on(GetParam())), b(on(GetParam()));
  EXPECT_EQ(train_steps(a.executor, a.training, 4, kTinyBatch),
            train_steps(b.executor, b.training, 4, kTinyBatch));
}

INSTANTIATE_TEST_SUITE_P(Devices, OnDevice, ::testing::Values(Device::cpu(), Device::emulated()),
                         [](const auto& p) { return to_string(p.param); });

// Values are placed in bytes of values that are over: what is kept must outlive all others.
TEST(Keep, TheValueLivesToTheEndOfTheStep) {
  const Recipe recipe = tiny_recipe();
  Executor e(recipe, 3, Preprocessing::none(recipe.input), default_registry(), on(Device::cpu()));
  const auto without = e.add_prediction(kTinyBatch);
  const auto with = e.add_prediction(kTinyBatch, {"conv1"});
  const auto last_use = [](const Plan& plan, bool of_conv1) {
    const std::string name = "conv1";
    int last = -1;
    for (const PlanValue& v : plan.values()) {
      if (!of_conv1 || v.name.starts_with(name)) last = std::max(last, v.last);
    }
    return last;
  };
  EXPECT_LT(last_use(e.plan(without), true), last_use(e.plan(without), false));
  EXPECT_EQ(last_use(e.plan(with), true), last_use(e.plan(with), false));
}

TEST(Replay, EqualsLaunching) {
  ExecutorOptions launched = on(Device::emulated());
  launched.replay = false;
  TinyNet a(launched), b(on(Device::emulated()));
  EXPECT_EQ(train_steps(a.executor, a.training, 3, kTinyBatch),
            train_steps(b.executor, b.training, 3, kTinyBatch));
}

// A step reads what changes from StepState: the masks of two replayed steps differ.
TEST(Replay, DrawsNewMasksEachStep) {
  TinyNet a(on(Device::emulated())), b(on(Device::emulated()));
  const TinyBatch batch = tiny_batch(kTinyBatch, 4);
  a.executor.enqueue(a.training, batch.input(), state_of(0, kTinyBatch));
  b.executor.enqueue(b.training, batch.input(), state_of(1, kTinyBatch));
  EXPECT_NE(a.executor.weights(), b.executor.weights());
}

TEST(Lanes, ChangeNoBit) {
  ExecutorOptions two = on(Device::emulated());
  two.lanes = 2;
  TinyNet a(on(Device::emulated())), b(two);
  int beside = 0;
  for (const PlanRow& row : b.executor.plan(b.training).rows()) beside += row.lane;
  EXPECT_GE(beside, 3);
  EXPECT_EQ(train_steps(a.executor, a.training, 3, kTinyBatch),
            train_steps(b.executor, b.training, 3, kTinyBatch));
}

TEST(Choice, RefusesAnOpThatNoEngineOfTheListHas) {
  try {
    TinyNet net(on(Device::cpu(), "simd"));
    FAIL() << "accepted";
  } catch (const Unsupported& e) {
    EXPECT_NE(std::string(e.what()).find("layer conv1: nothing in the list can run conv forward"),
              std::string::npos)
        << e.what();
    EXPECT_NE(std::string(e.what()).find("(simd:image_lanes: "), std::string::npos) << e.what();
  }
}

TEST(Choice, RefusesListsThatCannotBeMeant) {
  const auto refused = [](const std::string& engines, const std::string& of_layer = "") {
    ExecutorOptions o = on(Device::cpu(), engines);
    if (!of_layer.empty()) o.policy.layers.push_back(parse_layer_engines(of_layer));
    try {
      TinyNet net(o);
      return std::string("accepted");
    } catch (const InvalidArgument& e) {
      return std::string(e.what());
    } catch (const Unsupported& e) {
      return std::string(e.what());
    }
  };
  EXPECT_EQ(refused("simdd,reference"), "no engine is called 'simdd'; the nearest is 'simd'");
  EXPECT_EQ(refused("check:reference,smd"), "no engine is called 'smd'; the nearest is 'simd'");
  EXPECT_EQ(refused("simd:loop,reference"),
            "engine simd has no algorithm 'loop'; the nearest is 'loops'");
  EXPECT_TRUE(
      refused("fovea,cudnn")
          .starts_with("engine list 'fovea,cudnn': nothing in it computes on cpu; what does: "));
  EXPECT_EQ(refused("reference", "con=reference"),
            "engines for 'con': tiny has no such layer; the nearest is 'conv1'");
  EXPECT_EQ(refused("cudnn,reference", "conv1=reference:loops"), "accepted")
      << "an engine of another machine may stand beside others";
  EXPECT_EQ(refused("reference", "update=simd"), "accepted");
}

TEST(Choice, ALayersOwnListWins) {
  ExecutorOptions o = on(Device::cpu());
  o.policy = Policy::defaults(Device::cpu());
  o.policy.layers.push_back(parse_layer_engines("conv*=reference"));
  const TinyNet net(o);
  for (const PlanRow& row : net.executor.plan(net.training).rows()) {
    if (row.layer == "conv1" && row.kind == "conv") {
      EXPECT_EQ(row.choice.engine, "reference");
    }
  }
}

}  // namespace
}  // namespace fovea::test
