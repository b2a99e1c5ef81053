// predictor_test.cpp - labels for pictures: as evaluation says, from any number of threads.
#include <fovea/core/error.h>
#include <fovea/train/evaluation.h>
#include <fovea/train/predictor.h>
#include <gtest/gtest.h>

#include <thread>

#include "tiny.h"

namespace fovea {
namespace {

Model trained_model(const MemoryDataset& data) {
  Model m = test::tiny_model(data);
  Trainer trainer(m, data, {.device = Device::cpu()});
  trainer.run();
  return m;
}

TEST(Predictor, SaysWhatEvaluationSaysFromFourThreads) {
  const MemoryDataset data = test::tiny_pictures(160);
  const Model model = trained_model(data);
  const Evaluation expected = evaluate(model, data, {.device = Device::cpu()});
  ASSERT_LT(expected.score.top1_error, 0.5) << "the net learned nothing: the test says nothing";

  std::vector<std::vector<std::int64_t>> confusion(4, std::vector<std::int64_t>(9));
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < confusion.size(); ++t) {
    threads.emplace_back([&, t] {
      Predictor predict(model, {.device = Device::cpu(), .max_batch = static_cast<int>(1 + 2 * t)});
      for (std::int64_t i = 0; i < data.size(); ++i) {
        const Sample s = data.get(i);
        const Prediction p = predict(s.image);
        ++confusion[t][static_cast<std::size_t>(3 * s.label + p.best())];
      }
    });
  }
  for (std::thread& t : threads) t.join();
  for (const auto& c : confusion) EXPECT_EQ(c, expected.confusion);
}

// Predictors share the model's weights and have the copies for themselves.
TEST(Predictor, InBf16SaysWhatEvaluationSaysAndNearlyWhatFp32Says) {
  const MemoryDataset data = test::tiny_pictures(60);
  const Model model = trained_model(data);
  Policy policy;
  policy.engines = parse_engines("reference");
  const EvaluationOptions how{.device = Device::cpu(), .math = Math::bf16, .policy = policy};
  const Evaluation narrow = evaluate(model, data, how);
  const Evaluation exact = evaluate(model, data, {.device = Device::cpu()});
  EXPECT_NE(narrow.score.loss, exact.score.loss) << "was it computed in bf16?";
  EXPECT_NEAR(narrow.score.loss, exact.score.loss, 0.02 * exact.score.loss);
  EXPECT_NEAR(narrow.score.top1_error, exact.score.top1_error, 0.04);

  Predictor predict(
      model, {.device = Device::cpu(), .max_batch = 4, .math = Math::bf16, .policy = policy});
  std::vector<std::int64_t> confusion(9);
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const Sample s = data.get(i);
    ++confusion[static_cast<std::size_t>(3 * s.label + predict(s.image).best())];
  }
  EXPECT_EQ(confusion, narrow.confusion);
}

TEST(Predictor, ABatchSaysWhatSinglePicturesSay) {
  const MemoryDataset data = test::tiny_pictures(11);
  const Model model = trained_model(data);
  Predictor predict(model, {.device = Device::cpu(), .max_batch = 4});
  std::vector<Sample> samples;
  std::vector<ImageView> images;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    samples.push_back(data.get(i));
    images.push_back(samples.back().image);
  }
  const std::vector<Prediction> all = predict(std::span<const ImageView>(images));
  ASSERT_EQ(all.size(), images.size());
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Prediction one = predict(images[i]);
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(all[i].probabilities()[k], one.probabilities()[k], 1e-5) << i;
    }
  }
}

TEST(Predictor, RowsFromTheBottomUpAndColourAreTheSamePicture) {
  const MemoryDataset data = test::tiny_pictures(8);
  const Model model = trained_model(data);
  Predictor predict(model, {.device = Device::cpu()});
  const Sample sample = data.get(3);
  const ImageView& grey = sample.image;
  std::vector<std::uint8_t> flipped(8 * 40, 99);  // rows of 40 bytes, the last first, BGR
  for (int y = 0; y < 8; ++y) {
    for (int x = 0; x < 8; ++x) {
      for (int c = 0; c < 3; ++c) {
        flipped[static_cast<std::size_t>((7 - y) * 40 + 3 * x + c)] = grey.row(y)[x];
      }
    }
  }
  const ImageView view{flipped.data() + 7 * 40, 8, 8, -40, PixelFormat::bgr8};
  EXPECT_EQ(predict(view).probabilities(), predict(grey).probabilities());
}

TEST(Predictor, TopIsSortedAndSumsToOne) {
  const MemoryDataset data = test::tiny_pictures(8);
  const Model model = trained_model(data);
  Predictor predict(model, {.device = Device::cpu()});
  const auto top = predict(data.get(0).image).top(5);
  ASSERT_EQ(top.size(), 3U);  // as many as there are classes
  EXPECT_GE(top[0].second, top[1].second);
  EXPECT_GE(top[1].second, top[2].second);
  EXPECT_NEAR(top[0].second + top[1].second + top[2].second, 1.0, 1e-5);
  EXPECT_THROW(static_cast<void>(predict(data.get(0).image).top(0)), InvalidArgument);
}

TEST(Predictor, WrongUseIsRefused) {
  const MemoryDataset data = test::tiny_pictures(8);
  const Model model = test::tiny_model(data);
  EXPECT_THROW(Predictor(model, {.device = Device::cpu(), .max_batch = 0}), InvalidArgument);
  Predictor predict(model, {.device = Device::cpu()});
  EXPECT_THROW(static_cast<void>(predict(ImageView{})), InvalidArgument);
}

}  // namespace
}  // namespace fovea
