// steady_state_test.cpp - after the first step neither training nor prediction asks the heap for
// memory, the data loader and the engines included; by counting malloc and operator new.
#include <fovea/data/memory_dataset.h>
#include <fovea/train/predictor.h>
#include <fovea/train/trainer.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "../layers/tiny_net.h"
#include "../support/allocation_count.h"

namespace fovea::test {
namespace {

MemoryDataset pictures(int count) {
  const TinyBatch batch = tiny_batch(count, 1);
  MemoryDataset data;
  for (int i = 0; i < count; ++i) {
    data.add({batch.images.data() + static_cast<std::ptrdiff_t>(i) * 100, 10, 10, 10,
              PixelFormat::grey8},
             batch.labels[static_cast<std::size_t>(i)]);
  }
  return data;
}

Model untrained() {
  return {tiny_recipe(), {"top", "middle", "bottom"}, {{0.0F}, {1.0F / 255}}, 1};
}

constexpr int kFirstSteps = 1;

/// What each of 60 steps of one epoch took from the heap, oneDNN's own apart.
std::vector<std::int64_t> taken_by_steps(const TrainerOptions& options) {
  const MemoryDataset data = pictures(360);
  Model model = untrained();
  Trainer trainer(model, data, options);
  std::vector<std::int64_t> taken;
  taken.reserve(60);
  std::int64_t before = 0;
  trainer.on_step([&](const Progress&) {
    const std::int64_t now = allocation_count();
    taken.push_back(now - before);
    before = now;
    return true;
  });
  trainer.run();
  return taken;
}

void expect_steady(const TrainerOptions& options, const std::string& engines) {
  const std::vector<std::int64_t> taken = taken_by_steps(options);
  ASSERT_EQ(taken.size(), 60U);
  for (std::size_t step = kFirstSteps; step < taken.size(); ++step) {
    EXPECT_EQ(taken[step], 0) << "step " << step << ", engines " << engines << ", "
                              << options.loaders << " loaders";
  }
}

TEST(SteadyState, TrainingTakesNothingFromTheHeapOnTheCpu) {
  if (!counts_allocations()) GTEST_SKIP() << "the sanitizer owns the heap";
  for (const char* engines : {"", "reference", "simd,reference", "onednn,reference"}) {
    for (const int loaders : {1, 2}) {
      TrainerOptions o;
      o.device = Device::cpu();
      o.epochs = 1;
      o.loaders = loaders;
      if (*engines != '\0') o.policy.engines = parse_engines(engines);
      expect_steady(o, engines);
    }
  }
}

TEST(SteadyState, TrainingInBf16TakesNothingFromTheHeapOnTheCpu) {
  if (!counts_allocations()) GTEST_SKIP() << "the sanitizer owns the heap";
  for (const char* engines : {"reference", "simd,reference"}) {
    TrainerOptions o;
    o.device = Device::cpu();
    o.math = Math::bf16;
    o.epochs = 1;
    o.loaders = 1;
    o.policy.engines = parse_engines(engines);
    expect_steady(o, std::string(engines) + " in bf16");
  }
}

TEST(SteadyState, PredictionTakesOnlyWhatItReturns) {
  if (!counts_allocations()) GTEST_SKIP() << "the sanitizer owns the heap";
  const Model model = untrained();
  const MemoryDataset data = pictures(8);
  Predictor predict(model, {.device = Device::cpu(), .max_batch = 4});
  std::vector<ImageView> views;
  for (int i = 0; i < 4; ++i) views.push_back(data.get(i).image);
  for (int i = 0; i < 3; ++i) {  // both plans have run
    predict(views[0]);
    predict(views);
  }
  const std::int64_t before = allocation_count();
  const Prediction one = predict(views[0]);
  const std::int64_t between = allocation_count();
  const std::vector<Prediction> four = predict(views);
  const std::int64_t after = allocation_count();
  EXPECT_EQ(between - before, 1) << "the probabilities of one picture";
  EXPECT_EQ(after - between, 5) << "a list and the probabilities of four pictures";
  EXPECT_EQ(four[0].probabilities(), one.probabilities());
}

// Without this the tests above could not fail: what the counter sees is what was asked for.
TEST(SteadyState, TheCounterCounts) {
  if (!counts_allocations()) GTEST_SKIP() << "the sanitizer owns the heap";
  const std::int64_t before = allocation_count();
  int* volatile one = new int(1);  // volatile: else both pairs are optimised away
  void* volatile raw = std::malloc(10);
  EXPECT_EQ(allocation_count() - before, 2);
  std::free(raw);
  delete one;
}

}  // namespace
}  // namespace fovea::test
