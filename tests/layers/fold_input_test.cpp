// fold_input_test.cpp - pictures in the format of a first convolution with a stride: in which nets
// the input cast folds them, and that nothing but their format changes.
#include <fovea/kernels/registry/registry.h>
#include <fovea/layers/fuse.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tiny_net.h"

namespace fovea::test {
namespace {

constexpr int kImages = 3;

// 27x27x3 pictures, a first convolution of 7x7 by 4 with padding, and one more behind it.
Recipe strided_recipe() {
  return Recipe::parse(R"(
name = "strided"
[input]
height = 27
width = 27
channels = 3
mean = "none"
scale = "255"
[train]
batch = 3
learning_rate = 0.05
momentum = 0.9
[[layer]]
type = "conv"
name = "conv1"
filters = 8
size = 7
stride = 4
pad = 2
init = "he"
[[layer]]
type = "relu"
[[layer]]
type = "conv"
name = "conv2"
filters = 8
size = 3
init = "he"
[[layer]]
type = "relu"
[[layer]]
type = "linear"
name = "fc"
deviation = 0.2
)",
                       "strided");
}

TinyBatch pictures() {
  const Philox bits{11, stream_key(Purpose::test, 2, 0)};
  TinyBatch b;
  for (std::uint64_t i = 0; i < kImages * 27 * 27 * 3; ++i) {
    b.images.push_back(static_cast<std::uint8_t>(bits(i)[0] % 256));
  }
  b.labels = {0, 1, 2};
  return b;
}

struct Net {
  Executor executor;
  Executor::PlanId training, prediction;

  Net(Math math, const std::string& engines, const std::vector<std::string>& keep = {})
      : executor{strided_recipe(), 3, Preprocessing::none(strided_recipe().input),
                 default_registry(), options(math, engines)},
        training{executor.add_training(kImages)},
        prediction{executor.add_prediction(kImages, keep)} {
    executor.allocate();
    executor.initialise(5);
  }
  static ExecutorOptions options(Math math, const std::string& engines) {
    ExecutorOptions o{.device = Device::emulated(), .math = math};
    o.policy.engines = parse_engines(engines);
    return o;
  }
  const PlanRow& row(Executor::PlanId plan, const std::string& layer, Pass pass) const {
    const auto& rows = executor.plan(plan).rows();
    const auto found = std::ranges::find_if(
        rows, [&](const PlanRow& r) { return r.layer.starts_with(layer) && r.pass == pass; });
    if (found == rows.end()) throw InvalidArgument("no row of " + layer);
    return *found;
  }
  bool folds(Executor::PlanId plan) const {
    return row(plan, "input", Pass::forward).problem.find("fold4") != std::string::npos;
  }
  std::vector<float> probabilities() {
    const TinyBatch b = pictures();
    executor.enqueue(prediction, {b.images, {}, {}}, state_of(0, kImages));
    return executor.read(prediction, "probabilities");
  }
};

bool in_s2d(const PlanRow& r) {
  return r.problem.find("+s2d") != std::string::npos && r.choice.algorithm == "space_to_depth";
}

TEST(FoldInput, InBf16BothPassesOfTheFirstLayerFindItFolded) {
  const Net net(Math::bf16, "fovea");
  EXPECT_TRUE(net.folds(net.training));
  EXPECT_TRUE(net.folds(net.prediction));
  EXPECT_TRUE(in_s2d(net.row(net.training, "conv1", Pass::forward)));
  EXPECT_TRUE(in_s2d(net.row(net.training, "conv1", Pass::wgrad)));
  EXPECT_TRUE(in_s2d(net.row(net.prediction, "conv1", Pass::forward)));
  EXPECT_FALSE(in_s2d(net.row(net.training, "conv2", Pass::forward)));
}

TEST(FoldInput, NotWhereItIsNotExpectedToWinOrNotTaken) {
  EXPECT_FALSE(Net(Math::fp32, "fovea").folds(Executor::PlanId{0}));
  EXPECT_FALSE(Net(Math::bf16, "fovea:implicit_gemm,fovea").folds(Executor::PlanId{0}));
  const Net kept(Math::bf16, "fovea", {"input"});
  EXPECT_TRUE(kept.folds(kept.training));
  EXPECT_FALSE(kept.folds(kept.prediction)) << "somebody reads it as it is";
}

// One format for all that read the pictures: that of one convolution, in all its passes.
TEST(FoldInput, NotWhereTwoConvolutionsReadThePictures) {
  const Registry registry = default_registry();
  const auto folds = [&](const std::vector<int>& filters) {
    Graph g(Math::bf16);
    const Value x = g.input_cast(g.input("pictures", {1, 27, 27, 3}, DType::u8),
                                 g.constant("mean", {3}), g.constant("scale", {3}),
                                 {.n = 1, .h = 27, .w = 27, .c = 3, .out_h = 27, .out_w = 27});
    for (const int k : filters) {
      const ConvProblem p{.n = 1, .c = 3, .h = 27, .w = 27, .k = k, .r = 7, .s = 7, .u = 4, .v = 4};
      g.conv(x, g.param({.name = "w" + std::to_string(k), .shape = p.w_shape(), .init = {}}), p);
    }
    fuse(g, {registry, device_info(Device::emulated()), Math::bf16,
             Policy::defaults(Device::emulated())});
    return g.nodes().front().op->problem().find("fold4") != std::string::npos;
  };
  EXPECT_TRUE(folds({8}));
  EXPECT_FALSE(folds({8, 16}));
}

// The same kernel behind either format: the same bits.
TEST(FoldInput, ChangesNoBit) {
  Net folded(Math::bf16, "fovea:space_to_depth,fovea");
  Net plain(Math::bf16, "fovea:space_to_depth,fovea", {"input"});
  ASSERT_TRUE(folded.folds(folded.prediction));
  ASSERT_FALSE(plain.folds(plain.prediction));
  EXPECT_EQ(plain.row(plain.prediction, "conv1", Pass::forward).choice.algorithm, "space_to_depth");
  EXPECT_EQ(folded.probabilities(), plain.probabilities());
}

// Another order of the same sums: weights after a step agree to bf16's rounding of gradients.
TEST(FoldInput, TrainsAsWithoutIt) {
  Net folded(Math::bf16, "fovea"), plain(Math::bf16, "fovea:implicit_gemm,fovea");
  const TinyBatch b = pictures();
  for (Net* n : {&folded, &plain}) {
    n->executor.enqueue(n->training, b.input(), state_of(0, kImages));
  }
  const std::vector<float> before = [] {
    Net n(Math::bf16, "fovea");
    return n.executor.weights();
  }();
  const std::vector<float> w = folded.executor.weights(), v = plain.executor.weights();
  double moved = 0, apart = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    moved = std::max(moved, double{std::abs(v[i] - before[i])});
    apart = std::max(apart, double{std::abs(w[i] - v[i])});
  }
  EXPECT_GT(moved, 1e-3);
  EXPECT_LT(apart, 0.05 * moved);
}

}  // namespace
}  // namespace fovea::test
