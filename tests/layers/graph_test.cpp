// graph_test.cpp - recording, the gradient pass, and fusion: which ops there are, on which values.
#include <fovea/kernels/registry/registry.h>
#include <fovea/layers/conv2d.h>
#include <fovea/layers/fuse.h>
#include <fovea/layers/graph.h>

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>

namespace fovea {
namespace {

// "conv forward" -> how often.
std::map<std::string, int> ops(const Graph& g) {
  std::map<std::string, int> count;
  for (const Node& n : g.nodes()) {
    ++count[std::string(n.op->kind()) + " " + std::string(name_of(n.op->pass()))];
  }
  return count;
}

std::vector<std::string> problems(const Graph& g, std::string_view kind, Pass pass) {
  std::vector<std::string> found;
  for (const Node& n : g.nodes()) {
    if (n.op->kind() == kind && n.op->pass() == pass) found.push_back(n.op->problem());
  }
  return found;
}

// conv1 -> bias -> relu -> conv2 -> bias -> loss, two classes.
Value two_convolutions(Graph& g) {
  const Value x = g.input("pictures", {2, 4, 4, 3}, DType::f32);
  const Conv2d one("conv1", {.filters = 4, .r = 3, .ph = {1, 1}, .pw = {1, 1}});
  const Conv2d two("conv2", {.filters = 2, .r = 4});
  const Value y = record_layer(g, two, g.relu(record_layer(g, one, x)));
  return g.softmax_loss(g.reshape(y, {2, 2}), g.input("labels", {2}, DType::i32));
}

Target reference_target(const Registry& r) {
  return {r, device_info(Device::cpu()), Math::fp32, {parse_engines("reference"), {}, {}}};
}

TEST(Graph, TheGradientPassStopsWhereNothingLearns) {
  Graph g;
  g.add_backward(two_convolutions(g));
  const auto count = ops(g);
  EXPECT_EQ(count.at("conv forward"), 2);
  EXPECT_EQ(count.at("conv wgrad"), 2);
  EXPECT_EQ(count.at("conv dgrad"), 1);  // none for the pictures
}

TEST(Graph, TwoUsersOfAValueGetTheirGradientsAdded) {
  Graph g;
  const Value x = g.input("pictures", {2, 3}, DType::f32);
  const Value w = g.param({.name = "w", .shape = {3, 3}, .init = {}});
  const Value y = g.linear(x, w);
  const Value sum = g.add(y, y);
  g.add_backward(g.softmax_loss(sum, g.input("labels", {2}, DType::i32)));
  EXPECT_GE(ops(g).at("add forward"), 2);  // the sum itself, and that of its two gradients
}

TEST(Graph, AParameterUsedTwiceHasOneGradient) {
  Graph g;
  const Value x = g.input("pictures", {2, 3}, DType::f32);
  const Value w = g.param({.name = "w", .shape = {3, 3}, .init = {}});
  g.add_backward(g.softmax_loss(g.linear(g.linear(x, w), w), g.input("labels", {2}, DType::i32)));
  int gradients = 0;
  for (int id = 0; id < g.value_count(); ++id) {
    gradients += g.info(g.value(id)).role == Role::gradient ? 1 : 0;
  }
  EXPECT_EQ(gradients, 1);
  EXPECT_EQ(ops(g).at("add forward"), 1);
}

TEST(Graph, DropoutIsAScaleOutsideTraining) {
  Graph g;
  g.set_training(false);
  const Value x = g.input("pictures", {2, 3}, DType::f32);
  EXPECT_EQ(g.dropout(x, 0.5F, true), x);
  g.dropout(x, 0.25F, false);
  EXPECT_EQ(ops(g).at("scale forward"), 1);
  EXPECT_FALSE(ops(g).contains("dropout forward"));
  for (const Node& n : g.nodes()) {
    if (n.op->kind() != "scale") continue;
    EXPECT_NE(n.op->problem().find("0.75"), std::string::npos) << n.op->problem();
  }
}

TEST(Graph, RefusesWhatDoesNotFitByTheLayersName) {
  Graph g;
  const Value x = g.input("pictures", {2, 4, 4, 3}, DType::f32);
  const Conv2d wide("conv9", {.filters = 4, .r = 7});
  try {
    record_layer(g, wide, x);
    FAIL() << "a filter larger than the padded plane was taken";
  } catch (const InvalidArgument& e) {
    EXPECT_NE(std::string(e.what()).find("conv9"), std::string::npos) << e.what();
  }
}

TEST(Fuse, JoinsBiasActivationMaskAndBiasGradient) {
  Graph g;
  g.add_backward(two_convolutions(g));
  const Registry registry = default_registry();
  fuse(g, reference_target(registry));
  const auto count = ops(g);
  EXPECT_FALSE(count.contains("bias forward"));
  EXPECT_FALSE(count.contains("activation forward"));
  EXPECT_FALSE(count.contains("activation dgrad"));
  const auto forward = problems(g, "conv", Pass::forward);
  ASSERT_EQ(forward.size(), 2U);
  EXPECT_TRUE(forward[0].ends_with("+bias+relu")) << forward[0];
  EXPECT_TRUE(forward[1].ends_with("+bias")) << forward[1];
  for (const std::string& p : problems(g, "conv", Pass::wgrad))
    EXPECT_TRUE(p.ends_with("+db")) << p;
  const auto dgrad = problems(g, "conv", Pass::dgrad);
  ASSERT_EQ(dgrad.size(), 1U);
  EXPECT_TRUE(dgrad[0].ends_with("+mask")) << dgrad[0];
}

TEST(Fuse, LeavesWhatIsKept) {
  Graph g;
  const Value loss = two_convolutions(g);
  g.add_backward(loss);
  std::string kept;  // the first convolution's sum, before its bias
  for (const Node& n : g.nodes()) {
    if (n.op->kind() == "conv" && kept.empty()) kept = g.info(n.outputs[0]).name;
  }
  const Registry registry = default_registry();
  fuse(g, reference_target(registry), {kept});
  EXPECT_EQ(problems(g, "conv", Pass::forward)[0].find("+bias"), std::string::npos);
}

TEST(Fuse, LeavesAValueWithTwoReaders) {
  Graph g;
  const Value x = g.input("pictures", {2, 4, 4, 3}, DType::f32);
  const Conv2d one("conv1", {.filters = 3, .r = 3, .ph = {1, 1}, .pw = {1, 1}});
  const Value y = record_layer(g, one, x);  // read by relu and by add
  g.add(g.relu(y), y);
  const Registry registry = default_registry();
  fuse(g, reference_target(registry));
  const auto forward = problems(g, "conv", Pass::forward);
  ASSERT_EQ(forward.size(), 1U);
  EXPECT_TRUE(forward[0].ends_with("+bias")) << forward[0];
  EXPECT_EQ(ops(g).at("activation forward"), 1);
}

// The reader that could be joined is the later one.
TEST(Fuse, LeavesAValueThatAnEarlierOpReads) {
  Graph g;
  const Value x = g.input("pictures", {2, 4, 4, 3}, DType::f32);
  const Conv2d one("conv1", {.filters = 3, .r = 3, .ph = {1, 1}, .pw = {1, 1}});
  const Value y = record_layer(g, one, x);
  const Value twice = g.add(y, y);
  g.add(twice, g.relu(y));
  const Registry registry = default_registry();
  fuse(g, reference_target(registry));
  EXPECT_TRUE(problems(g, "conv", Pass::forward).at(0).ends_with("+bias"));
  EXPECT_EQ(ops(g).at("activation forward"), 1);
}

// conv -> relu -> LRN -> max pooling -> loss.
Value normalised_and_pooled(Graph& g) {
  const Value x = g.input("pictures", {2, 6, 6, 3}, DType::f32);
  const Conv2d one("conv1", {.filters = 4, .r = 3, .ph = {1, 1}, .pw = {1, 1}});
  const Value y = g.lrn(g.relu(record_layer(g, one, x)), parse_lrn("n2c4h6size3a0.1b0.75k1"));
  const Value z = g.max_pool(y, parse_pool("n2c4h6r3u3"));
  return g.softmax_loss(g.reshape(z, {2, 16}), g.input("labels", {2}, DType::i32));
}

TEST(Fuse, JoinsLrnWithPoolingWhereTheEngineOfLrnCan) {
  const Registry registry = default_registry();
  Graph joined;
  joined.add_backward(normalised_and_pooled(joined));
  fuse(joined, {registry, device_info(Device::emulated()), Math::fp32,
                Policy::defaults(Device::emulated())});
  EXPECT_EQ(problems(joined, "lrn_pool", Pass::forward),
            std::vector<std::string>{"n2c4h6size3a0.1b0.75k1r3u3"});
  EXPECT_EQ(problems(joined, "lrn_pool", Pass::dgrad),
            std::vector<std::string>{"n2c4h6size3a0.1b0.75k1r3u3+mask"});
  for (const auto& [op, times] : ops(joined)) {
    EXPECT_FALSE(op.starts_with("lrn ") || op.starts_with("maxpool") || op == "activation dgrad")
        << op;
  }

  // simd has no such kernel, and the reference that has one comes after it in the list.
  Graph apart;
  apart.add_backward(normalised_and_pooled(apart));
  fuse(apart, {registry, device_info(Device::cpu()), Math::fp32, Policy::defaults(Device::cpu())});
  EXPECT_FALSE(ops(apart).contains("lrn_pool forward"));
  EXPECT_EQ(ops(apart).at("lrn dgrad"), 1);
}

// Says of each problem what a test says that it takes.
class SaidTimes final : public Tuner {
 public:
  explicit SaidTimes(std::function<double(const std::string& problem)> us) : us_{std::move(us)} {}
  TuningAnswer fastest(const TuningQuestion& q) override {
    TuningAnswer answer = FirstGuess().fastest(q);
    answer.us = us_(std::string(q.op) + " " + std::string(name_of(q.pass)) + " " + q.problem);
    return answer;
  }

 private:
  std::function<double(const std::string& problem)> us_;
};

// The reference's algorithms as an engine that takes part in `fastest`.
Registry plain_registry() {
  Registry registry;
  default_registry().for_each([&]<class Op>(const std::vector<Algorithm<Op>>& list) {
    for (Algorithm<Op> a : list) {
      if (a.engine != kReference) continue;
      a.engine = "plain";
      registry.add(std::move(a));
    }
  });
  return registry;
}

// The graph of two convolutions, fused where `us` says what problems take.
std::unique_ptr<Graph> fused_by_times(const std::function<double(const std::string&)>& us,
                                      const std::string& engines = "fastest") {
  auto g = std::make_unique<Graph>();
  g->add_backward(two_convolutions(*g));
  const Registry registry = plain_registry();
  Target target{registry, device_info(Device::cpu()), Math::fp32, {}};
  target.policy.engines = parse_engines(engines);
  target.policy.tuner = std::make_shared<SaidTimes>(us);
  fuse(*g, target);
  return g;
}
bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }
bool is_joined(const std::string& problem) { return has(problem, "conv") && has(problem, "+"); }

TEST(Fuse, UnderFastestLeavesApartWhatTakesLongerJoined) {
  const auto slow = [](const std::string& problem) { return is_joined(problem) ? 3.1 : 1.0; };
  const auto g = fused_by_times(slow);
  for (const Pass pass : {Pass::forward, Pass::dgrad, Pass::wgrad}) {
    for (const std::string& p : problems(*g, "conv", pass)) EXPECT_FALSE(has(p, "+")) << p;
  }
  EXPECT_EQ(ops(*g).at("bias forward"), 2);
  EXPECT_EQ(ops(*g).at("activation forward"), 1);
  EXPECT_EQ(ops(*g).at("activation dgrad"), 1);
  const auto other = fused_by_times(slow, "plain");
  EXPECT_TRUE(problems(*other, "conv", Pass::forward).at(0).ends_with("+bias+relu"))
      << "another policy joins whatever it takes";
}

TEST(Fuse, UnderFastestJoinsWhatTakesNoLonger) {
  const auto joined = [](const auto& us) {
    const auto g = fused_by_times(us);
    EXPECT_FALSE(ops(*g).contains("activation forward"));
    EXPECT_FALSE(ops(*g).contains("bias forward"));
    EXPECT_TRUE(problems(*g, "conv", Pass::forward).at(0).ends_with("+bias+relu"));
    EXPECT_TRUE(problems(*g, "conv", Pass::dgrad).at(0).ends_with("+mask"));
  };
  joined([](const std::string&) { return 1.0; });
  joined([](const std::string&) { return 0.0; });  // nobody measured
  joined([](const std::string& p) { return is_joined(p) ? 9.0 : has(p, "conv") ? 1.0 : 0.0; });
}

// conv 1 + bias 1 + relu 1 against +bias 2.5 and +bias+relu 2.9.
TEST(Fuse, UnderFastestJoinsThreeWhereTwoDoNotPay) {
  const auto g = fused_by_times([](const std::string& problem) {
    return has(problem, "+bias+relu") ? 2.9 : has(problem, "+bias") ? 2.5 : 1.0;
  });
  const auto forward = problems(*g, "conv", Pass::forward);
  EXPECT_TRUE(forward.at(0).ends_with("+bias+relu")) << forward[0];
  EXPECT_FALSE(has(forward.at(1), "+")) << forward[1];  // conv2 has no activation behind it
  EXPECT_EQ(ops(*g).at("bias forward"), 1);
}

}  // namespace
}  // namespace fovea
