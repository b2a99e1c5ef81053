// flat_test.cpp - when a loss counts as flat.
#include <fovea/data/array_dataset.h>
#include <fovea/train/flat.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tiny.h"

namespace fovea {
namespace {

TEST(GuessingLoss, IsTheEntropyOfTheLabels) {
  const auto of = [](std::vector<std::int32_t> labels) {
    std::vector<std::uint8_t> pixels(labels.size());
    return guessing_loss(ArrayDataset({1, 1, 1}, std::move(pixels), std::move(labels), 4));
  };
  EXPECT_NEAR(of({0, 1, 2, 3}), std::log(4.0), 1e-12);
  EXPECT_NEAR(of({0, 0, 1, 1}), std::log(2.0), 1e-12);
  EXPECT_NEAR(of({0, 0, 0, 1}), 0.75 * std::log(4.0 / 3) + 0.25 * std::log(4.0), 1e-12);
}

TEST(FlatWatch, WantsTwoFlatWindowsOnEnd) {
  FlatWatch watch(1.0, 3);
  for (const double loss : {1.0, 1.0, 0.995}) EXPECT_FALSE(watch.add(loss));  // one flat window
  for (const double loss : {1.0, 0.5, 1.0}) EXPECT_FALSE(watch.add(loss));
  for (const double loss : {1.0, 1.0, 1.0}) EXPECT_FALSE(watch.add(loss));
  EXPECT_FALSE(watch.add(1.2));
  EXPECT_FALSE(watch.add(0.9));
  EXPECT_TRUE(watch.add(0.9));
  EXPECT_NEAR(watch.last_mean(), 1.0, 1e-12);
}

TEST(FlatWatch, LooksEveryThousandStepsOfALongEpoch) {
  FlatWatch watch(1.0, 5000);
  int steps = 1;
  while (!watch.add(1.0)) ++steps;
  EXPECT_EQ(steps, 2000);
}

// A learning rate of nothing on scores of 0: the loss is that of guessing, whatever the pictures.
TEST(FlatLoss, StopsTheTrainerThatAskedForIt) {
  const MemoryDataset data = test::tiny_pictures(48);
  const auto run = [&](bool stop) {
    Recipe recipe = test::tiny_recipe();
    recipe.train.learning_rate = 1e-20F;
    recipe.layers.back().init = "constant";
    recipe.layers.back().deviation = 0;
    recipe.train.epochs = 3;
    Model model(recipe, {"a", "b", "c"}, Preprocessing::none(recipe.input), 1);
    TrainerOptions o{.device = Device::cpu()};
    o.stop_on_flat = stop;
    Trainer(model, data, o).run();
  };
  EXPECT_NO_THROW(run(false));
  EXPECT_THROW(run(true), NumericsLost);
}

}  // namespace
}  // namespace fovea
