// trainer_test.cpp - training as a whole on small data: engines agree, it learns, it repeats.
#include <fovea/data/memory_dataset.h>
#include <fovea/train/trainer.h>

#include <gtest/gtest.h>

#include "../layers/tiny_net.h"

namespace fovea::test {
namespace {

MemoryDataset tiny_data(int pictures, std::uint64_t seed) {
  const TinyBatch batch = tiny_batch(pictures, seed);
  MemoryDataset data;
  for (int i = 0; i < pictures; ++i) {
    data.add({batch.images.data() + static_cast<std::ptrdiff_t>(i) * 100, 10, 10, 10,
              PixelFormat::grey8},
             batch.labels[static_cast<std::size_t>(i)]);
  }
  return data;
}

Model tiny_model(std::uint64_t seed = 1) {
  const Recipe r = tiny_recipe();
  return Model(r, {"top", "middle", "bottom"}, {{0.0F}, {1.0F / 255}}, seed);
}

TrainerOptions on(const Device& d, int epochs) {
  TrainerOptions o;
  o.device = d;
  o.epochs = epochs;
  return o;
}

std::vector<double> losses(Model model, const Dataset& data, const TrainerOptions& o) {
  std::vector<double> list;
  Trainer t(model, data, o);
  t.on_record([&](const StepRecord& r) { list.push_back(r.score.loss); });
  t.run();
  return list;
}

TEST(Trainer, LearnsWhatCanBeLearned) {
  const MemoryDataset data = tiny_data(120, 1), fresh = tiny_data(60, 2);
  Model model = tiny_model();
  Trainer t(model, data, on(Device::cpu(), 12));
  t.run();
  EXPECT_LE(t.evaluate(fresh).top1_error, 0.05);
  EXPECT_LE(t.evaluate(data).top1_error, 0.05);
}

// The bound: rounding differs by engine in each sum; 20 steps of a net this small spread it by less
// than 1e-3 of the loss (measured: below 2e-6).
TEST(Trainer, EnginesAgreeOnTheLossOfEachStep) {
  const MemoryDataset data = tiny_data(120, 1);
  TrainerOptions reference = on(Device::cpu(), 1);
  reference.policy.engines = parse_engines("reference");
  const std::vector<double> expected = losses(tiny_model(), data, reference);
  ASSERT_EQ(expected.size(), 20U);
  for (const Device& d : {Device::cpu(), Device::emulated()}) {
    const std::vector<double> got = losses(tiny_model(), data, on(d, 1));
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_NEAR(got[i], expected[i], 1e-3 * expected[i]) << to_string(d) << ", step " << i;
    }
  }
}

TEST(Trainer, LoaderThreadsChangeNoBit) {
  const MemoryDataset data = tiny_data(50, 1);
  std::vector<std::vector<float>> weights;
  for (const int loaders : {1, 8}) {
    Model model = tiny_model();
    TrainerOptions o = on(Device::cpu(), 2);
    o.loaders = loaders;
    Trainer t(model, data, o);
    t.run();
    weights.push_back(t.executor().weights());
  }
  EXPECT_EQ(weights[0], weights[1]);
}

TEST(Trainer, GoesOnWhereItStopped) {
  const MemoryDataset data = tiny_data(50, 1);
  Model whole = tiny_model();
  Trainer t(whole, data, on(Device::cpu(), 3));
  std::vector<double> unbroken;
  t.on_epoch([&](const EpochRecord& e) { unbroken.push_back(e.training.loss); });
  t.run();
  for (const int stop_at : {1, 8, 9, 10, 17}) {
    Model model = tiny_model();
    std::vector<double> epochs;
    const auto remember = [&](const EpochRecord& e) { epochs.push_back(e.training.loss); };
    Trainer first(model, data, on(Device::cpu(), 3));
    first.on_epoch(remember);
    first.on_step([&](const Progress& p) { return p.step < stop_at; });
    first.run();
    Model again = tiny_model(99);
    Trainer second(again, data, on(Device::cpu(), 3));
    second.on_epoch(remember);
    second.resume(first.state());
    second.run();
    EXPECT_EQ(second.executor().weights(), t.executor().weights()) << stop_at;
    EXPECT_EQ(epochs, unbroken) << stop_at;
  }
}

// 50 pictures in batches of 6: the last batch has 2.
TEST(Trainer, CountsEveryPictureOnce) {
  const MemoryDataset data = tiny_data(50, 1);
  Model model = tiny_model();
  Trainer t(model, data, on(Device::cpu(), 2));
  std::vector<std::int64_t> by_step, by_epoch;
  t.on_record([&](const StepRecord& r) { by_step.push_back(r.score.images); });
  t.on_epoch([&](const EpochRecord& e) { by_epoch.push_back(e.training.images); });
  t.run();
  const std::vector<std::int64_t> epoch{6, 6, 6, 6, 6, 6, 6, 6, 2};
  std::vector<std::int64_t> both = epoch;
  both.insert(both.end(), epoch.begin(), epoch.end());
  EXPECT_EQ(by_step, both);
  EXPECT_EQ(by_epoch, (std::vector<std::int64_t>{50, 50}));
}

TEST(Trainer, TheUpdateTakesTheRateOfTheSchedule) {
  const MemoryDataset data = tiny_data(48, 1);
  const auto weights_after = [&](int epochs, float factor) {
    Recipe r = tiny_recipe();
    r.train.momentum = 0;
    r.train.weight_decay = 0;
    r.train.steps = {{.epoch = 2, .factor = factor}};
    Model model(r, {"top", "middle", "bottom"}, {{0.0F}, {1.0F / 255}}, 1);
    Trainer t(model, data, on(Device::cpu(), epochs));
    t.run();
    return t.executor().weights();
  };
  EXPECT_EQ(weights_after(2, 0.0F), weights_after(1, 0.0F)) << "a rate of 0 moves nothing";
  EXPECT_NE(weights_after(2, 1.0F), weights_after(1, 1.0F));
}

TEST(Trainer, LeavesFrozenLayersAlone) {
  const MemoryDataset data = tiny_data(50, 1);
  Model model = tiny_model();
  const Model before = model;
  TrainerOptions o = on(Device::cpu(), 1);
  o.freeze = {"conv*"};
  Trainer(model, data, o).run();
  const auto same = [&](const std::string& name) {
    return std::ranges::equal(model.parameter(name), before.parameter(name));
  };
  EXPECT_TRUE(same("conv1.weight"));
  EXPECT_TRUE(same("conv2.bias"));
  EXPECT_FALSE(same("fc1.weight"));
}

TEST(Trainer, SaysWhenNumbersAreLost) {
  const MemoryDataset data = tiny_data(50, 1);
  Model model = tiny_model();
  TrainerOptions o = on(Device::cpu(), 5);
  o.learning_rate = 3e38F;  // weights overflow; smaller ones only saturate the tanh
  Trainer t(model, data, o);
  EXPECT_THROW(t.run(), NumericsLost);
}

TEST(Trainer, RefusesDataThatDoesNotFit) {
  MemoryDataset data = tiny_data(50, 1);
  data.set_classes(5);
  Model model = tiny_model();
  EXPECT_THROW(Trainer(model, data, on(Device::cpu(), 1)), InvalidArgument);
  EXPECT_THROW(Trainer(model, MemoryDataset(), on(Device::cpu(), 1)), InvalidArgument);
}

TEST(Schedule, StepsAndPlateausLowerTheRate) {
  TrainRecipe r;
  r.learning_rate = 1.0F;
  r.steps = {{.epoch = 3, .factor = 0.5F}};
  r.plateau_patience = 2;
  r.plateau_times = 1;
  r.plateau_factor = 0.1F;
  Schedule s(r);
  EXPECT_FLOAT_EQ(s.rate(1), 1.0F);
  EXPECT_FLOAT_EQ(s.rate(2), 0.5F);
  for (const float error : {0.5F, 0.4F, 0.4F}) s.observe(error);
  EXPECT_FLOAT_EQ(s.rate(2), 0.5F);
  s.observe(0.45F);  // the second epoch without a better one
  EXPECT_FLOAT_EQ(s.rate(2), 0.05F);
  for (int i = 0; i < 9; ++i) s.observe(0.5F);  // it falls once at most
  EXPECT_FLOAT_EQ(s.rate(2), 0.05F);
}

}  // namespace
}  // namespace fovea::test
