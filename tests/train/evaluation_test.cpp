// evaluation_test.cpp - errors, loss and confusion of a net whose answers are known.
#include <fovea/core/error.h>
#include <fovea/train/evaluation.h>
#include <fovea/train/features.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tiny.h"

namespace fovea {
namespace {

// All weights 0: every score is the last layer's bias, so that class 1 always wins.
Model always_middle(const Dataset& data) {
  const Model m = test::tiny_model(data);
  std::vector<float> block(static_cast<std::size_t>(m.weights().elements()), 0.0F);
  for (std::size_t p = 0; p < m.parameters().size(); ++p) {
    if (m.parameters()[p].name == "fc3.bias") {
      block[static_cast<std::size_t>(m.layout().offset(static_cast<int>(p))) + 1] = 2.0F;
    }
  }
  return m.with_weights(block);
}

TEST(Evaluation, OfAKnownNetIsKnown) {
  const MemoryDataset data = test::tiny_pictures(50);
  std::int64_t of_class[3] = {};
  for (std::int64_t i = 0; i < data.size(); ++i) ++of_class[data.label(i)];
  for (const int views : {1, 10}) {
    const Evaluation e =
        evaluate(always_middle(data), data, {.views = views, .device = Device::cpu()});
    EXPECT_EQ(e.score.images, 50);
    EXPECT_DOUBLE_EQ(e.score.top1_error, 1.0 - static_cast<double>(of_class[1]) / 50);
    EXPECT_EQ(e.score.top5_error, 0.0);
    const double right = std::exp(2.0) / (std::exp(2.0) + 2);
    const double wrong = 1 / (std::exp(2.0) + 2);
    const double loss = -(static_cast<double>(of_class[1]) * std::log(right) +
                          static_cast<double>(50 - of_class[1]) * std::log(wrong)) /
                        50;
    EXPECT_NEAR(e.score.loss, loss, 1e-6);
    for (int a = 0; a < 3; ++a) {
      for (int p = 0; p < 3; ++p) EXPECT_EQ(e.count(a, p), p == 1 ? of_class[a] : 0);
    }
    ASSERT_EQ(e.worst_pairs(10).size(), 2U);  // only pairs that occurred
    EXPECT_GE(e.worst_pairs(10)[0].count, e.worst_pairs(10)[1].count);
  }
}

TEST(Evaluation, AgreesWithTheTrainers) {
  const MemoryDataset data = test::tiny_pictures(70);
  Model model = test::tiny_model(data);
  Trainer trainer(model, data, {.epochs = 1, .device = Device::cpu()});
  trainer.run();
  const Score expected = trainer.evaluate(data);
  const Score found = evaluate(model, data, {.batch = 32, .device = Device::cpu()}).score;
  EXPECT_EQ(found.top1_error, expected.top1_error);
  EXPECT_NEAR(found.loss, expected.loss, 1e-5);
}

TEST(Evaluation, WrongUseIsRefused) {
  const MemoryDataset data = test::tiny_pictures(9);
  const Model model = test::tiny_model(data);
  EXPECT_THROW(static_cast<void>(evaluate(model, data, {.views = 5})), InvalidArgument);
  EXPECT_THROW(static_cast<void>(evaluate(model.with_classes({"a", "b"}), data)), InvalidArgument);
}

TEST(Features, OfALayerAreItsOutputs) {
  const MemoryDataset data = test::tiny_pictures(19);  // a last, smaller batch
  const Model model = test::tiny_model(data);
  const std::vector<std::string> names = {"conv1", "relu1",  "fc2",          "relu2",
                                          "drop2", "logits", "probabilities"};
  const auto f = extract_features(model, data, names, {.device = Device::cpu()});
  ASSERT_EQ(f.size(), names.size());
  EXPECT_EQ(f[0].shape, (Shape{19, 8, 8, 4}));
  EXPECT_EQ(f[2].shape, (Shape{19, 16}));
  for (std::size_t i = 0; i < f[0].elements.size(); ++i) {
    ASSERT_EQ(f[1].elements[i], std::max(0.0F, f[0].elements[i])) << i;
  }
  for (std::size_t i = 0; i < f[2].elements.size(); ++i) {
    ASSERT_EQ(f[3].elements[i], std::max(0.0F, f[2].elements[i])) << i;
    ASSERT_NEAR(f[4].elements[i], 0.75F * f[3].elements[i], 1e-6) << i;  // classic dropout
  }
  for (std::size_t row = 0; row < 19; ++row) {
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k) sum += std::exp(f[5].elements[3 * row + k]);
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(f[6].elements[3 * row + k], std::exp(f[5].elements[3 * row + k]) / sum, 1e-5);
    }
  }
}

TEST(Features, AnUnknownLayerIsRefusedWithTheNearest) {
  const MemoryDataset data = test::tiny_pictures(4);
  try {
    static_cast<void>(extract_features(test::tiny_model(data), data, {"conv2"}));
    FAIL();
  } catch (const InvalidArgument& e) {
    EXPECT_NE(std::string(e.what()).find("'conv1'"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace fovea
