// fold_input_test.cpp - pictures in the format of a first convolution with a stride: in which nets
// the input cast folds them, and that nothing but their format changes.
#include <fovea/kernels/registry/registry.h>
#include <fovea/layers/fuse.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "strided_net.h"

namespace fovea::test {
namespace {

bool in_s2d(const PlanRow& r) {
  return r.problem.find("+s2d") != std::string::npos && r.choice.algorithm == "space_to_depth";
}

TEST(FoldInput, InBf16BothPassesOfTheFirstLayerFindItFolded) {
  const StridedNet net(Math::bf16, "fovea");
  EXPECT_TRUE(net.folds(net.training));
  EXPECT_TRUE(net.folds(net.prediction));
  EXPECT_TRUE(in_s2d(net.row(net.training, "conv1", Pass::forward)));
  EXPECT_TRUE(in_s2d(net.row(net.training, "conv1", Pass::wgrad)));
  EXPECT_TRUE(in_s2d(net.row(net.prediction, "conv1", Pass::forward)));
  EXPECT_FALSE(in_s2d(net.row(net.training, "conv2", Pass::forward)));
}

TEST(FoldInput, NotWhereItIsNotExpectedToWinOrNotTaken) {
  EXPECT_FALSE(StridedNet(Math::fp32, "fovea").folds(Executor::PlanId{0}));
  EXPECT_FALSE(StridedNet(Math::bf16, "fovea:implicit_gemm,fovea").folds(Executor::PlanId{0}));
  const StridedNet kept(Math::bf16, "fovea", {"input"});
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
    const bool folded = g.nodes().front().op->problem().find("fold4") != std::string::npos;
    EXPECT_EQ(g.derivations().size(), folded ? 1U : 0U);
    return folded;
  };
  EXPECT_TRUE(folds({8}));
  EXPECT_FALSE(folds({8, 16}));
}

// What is no parameter has nobody who refreshes a copy of it.
TEST(FoldInput, NotWhereTheFilterIsComputed) {
  const Registry registry = default_registry();
  Graph g(Math::bf16);
  const ConvProblem p{.n = 1, .c = 3, .h = 27, .w = 27, .k = 8, .r = 7, .s = 7, .u = 4, .v = 4};
  const Value x = g.input_cast(g.input("pictures", {1, 27, 27, 3}, DType::u8),
                               g.constant("mean", {3}), g.constant("scale", {3}),
                               {.n = 1, .h = 27, .w = 27, .c = 3, .out_h = 27, .out_w = 27});
  const Value w = g.scale(g.param({.name = "w", .shape = p.w_shape(), .init = {}}), 0.5F);
  g.conv(x, w, p);
  fuse(g, {registry, device_info(Device::emulated()), Math::bf16,
           Policy::defaults(Device::emulated())});
  EXPECT_EQ(g.nodes().front().op->problem().find("fold4"), std::string::npos);
  EXPECT_THROW(g.derive("conv1", w, "s2d4", {1}, nullptr), InvalidArgument);
}

// The same kernel behind either format: the same bits.
TEST(FoldInput, ChangesNoBit) {
  StridedNet folded(Math::bf16, "fovea:space_to_depth,fovea");
  StridedNet plain(Math::bf16, "fovea:space_to_depth,fovea", {"input"});
  ASSERT_TRUE(folded.folds(folded.prediction));
  ASSERT_FALSE(plain.folds(plain.prediction));
  EXPECT_EQ(plain.row(plain.prediction, "conv1", Pass::forward).choice.algorithm, "space_to_depth");
  EXPECT_EQ(folded.probabilities(), plain.probabilities());
}

// Another order of the same sums: weights after a step agree to bf16's rounding of gradients.
TEST(FoldInput, TrainsAsWithoutIt) {
  StridedNet folded(Math::bf16, "fovea"), plain(Math::bf16, "fovea:implicit_gemm,fovea");
  const TinyBatch b = strided_pictures();
  for (StridedNet* n : {&folded, &plain}) {
    n->executor.enqueue(n->training, b.input(), state_of(0, kStridedImages));
  }
  const std::vector<float> before = [] {
    StridedNet n(Math::bf16, "fovea");
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
