// loss_curve_test.cpp - 20 steps of the preset `lenet`: every engine's loss is the reference's, and
// that of nets whose layers use different ones. In bf16 it is near that of fp32.
#include <fovea/core/philox.h>
#include <fovea/data/memory_dataset.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/layers/recipe.h>
#include <fovea/tests/support/sanitized.h>
#include <fovea/train/trainer.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace fovea::test {
namespace {

constexpr int kSteps = kSanitized ? 2 : 20;  // memory and threads are as busy in two

/// 28x28 pictures of ten classes: a bright 8x8 square whose place tells the class, under noise.
MemoryDataset squares(int count) {
  const Philox bits{5, stream_key(Purpose::test, 2, 0)};
  MemoryDataset data;
  for (int i = 0; i < count; ++i) {
    const auto first = static_cast<std::uint64_t>(i) * 784;
    const int label = static_cast<int>(bits(first)[0] % 10);
    std::vector<std::uint8_t> pixels(784);
    for (int p = 0; p < 784; ++p) {
      const int y = p / 28 - 2 - label / 5 * 14, x = p % 28 - label % 5 * 5;
      const bool inside = y >= 0 && y < 8 && x >= 0 && x < 8;
      const std::uint32_t noise = bits(first + static_cast<std::uint64_t>(p))[1] % 120;
      pixels[static_cast<std::size_t>(p)] = static_cast<std::uint8_t>(noise + (inside ? 130 : 0));
    }
    data.add({pixels.data(), 28, 28, 28, PixelFormat::grey8}, label);
  }
  return data;
}

std::vector<double> losses(const Dataset& data, const Device& device, const std::string& engines,
                           const std::vector<std::string>& of_layers = {}, Math math = Math::fp32) {
  std::vector<std::string> classes;
  for (int i = 0; i < 10; ++i) classes.push_back(std::to_string(i));
  Model model(Recipe::preset("lenet"), classes, {{0.0F}, {1.0F / 255}}, 1);
  TrainerOptions o;
  o.device = device;
  o.math = math;
  o.epochs = 1;
  o.policy.engines = parse_engines(engines);
  for (const std::string& l : of_layers) o.policy.layers.push_back(parse_layer_engines(l));
  Trainer trainer(model, data, o);
  std::vector<double> list;
  trainer.on_record([&](const StepRecord& r) { list.push_back(r.score.loss); });
  trainer.run();
  return list;
}

MemoryDataset twenty_batches() { return squares(kSteps * Recipe::preset("lenet").train.batch); }

// In fp32 by the reference; computed once.
const std::vector<double>& expected_losses() {
  static const std::vector<double> list = losses(twenty_batches(), Device::cpu(), "reference");
  return list;
}

// A list that names oneDNN, in a build without it.
bool has_all(const std::string& engines, const std::vector<std::string>& of_layers) {
  std::string all = engines;
  for (const std::string& l : of_layers) all += "," + l;
  return std::ranges::all_of(library_status(Device::cpu()), [&](const LibraryStatus& l) {
    return l.works || all.find(l.engine) == std::string::npos;
  });
}

// The bound: a loss is a mean of 64 terms that passed four layers, whose sums round by a few 2^-24
// of their terms' magnitudes, differently by engine; the updates hand that on at a rate of 0.01.
// 2e-6 of the loss is 34 units in its last place; at most 4 were seen.
TEST(LossCurve, EveryEngineFollowsTheReferenceForTwentyStepsOfLenet) {
  const MemoryDataset data = twenty_batches();
  const std::vector<double>& expected = expected_losses();
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(kSteps));
  if (kSteps >= 20) {
    EXPECT_LT(expected.back(), 0.9 * expected.front())
        << "nothing was learned: the test says little";
  }
  struct Other {
    Device device;
    const char* engines;
    std::vector<std::string> of_layers = {};
  };
  for (const Other& other :
       {Other{Device::cpu(), "simd,reference"}, Other{Device::cpu(), "onednn,reference"},
        Other{Device::emulated(), "fovea"},
        Other{Device::cpu(), "simd,reference", {"conv1=reference", "conv2=onednn", "fc*=onednn"}},
        Other{Device::cpu(), "fastest,reference"},
        Other{Device::emulated(), "fovea", {"conv1=fovea:naive", "fc4=fovea:naive"}}}) {
    if (!has_all(other.engines, other.of_layers)) continue;
    const std::vector<double> got = losses(data, other.device, other.engines, other.of_layers);
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_NEAR(got[i], expected[i], 2e-6 * expected[i]) << other.engines << ", step " << i;
    }
  }
}

// The bound: weights, activations and their gradients round by 2^-9 of themselves on the average,
// two dozen times on the way through lenet and back; most of it cancels in a mean over 64 pictures.
// Six thousandths of the loss were the most that was seen.
TEST(LossCurve, InBf16LenetFollowsFp32ForTwentySteps) {
  const std::vector<double>& exact = expected_losses();
  const std::vector<double> narrow =
      losses(twenty_batches(), Device::cpu(), "reference", {}, Math::bf16);
  ASSERT_EQ(narrow.size(), exact.size());
  EXPECT_NE(narrow, exact) << "was it computed in bf16?";
  for (std::size_t i = 0; i < exact.size(); ++i) {
    EXPECT_NEAR(narrow[i], exact[i], 0.02 * exact[i]) << "step " << i;
  }
}

}  // namespace
}  // namespace fovea::test
