// tiny_net.h - a small net with one layer of each kind, and batches for it.
#pragma once

#include <fovea/core/philox.h>
#include <fovea/layers/recipe.h>
#include <fovea/train/executor.h>

#include <cmath>
#include <string>
#include <vector>

namespace fovea::test {

/// 10x10 pictures, 3 classes; convolution with groups, LRN, overlapping pool, tanh, dropout.
inline Recipe tiny_recipe() {
  return Recipe::parse(R"(
name = "tiny"
[input]
height = 10
width = 10
channels = 1
mean = "none"
scale = "255"
[train]
batch = 6
learning_rate = 0.05
momentum = 0.9
weight_decay = 0.001
bias_rate = 2.0
[[layer]]
type = "conv"
name = "conv1"
filters = 8
size = 3
pad = 1
init = "he"
bias_value = 0.1
[[layer]]
type = "relu"
[[layer]]
type = "lrn"
size = 5
alpha = 0.1
[[layer]]
type = "maxpool"
size = 3
stride = 2
ceil = true
[[layer]]
type = "conv"
name = "conv2"
filters = 6
size = 3
groups = 2
init = "he"
[[layer]]
type = "relu"
[[layer]]
type = "avgpool"
size = 2
stride = 1
[[layer]]
type = "linear"
name = "fc1"
outputs = 12
init = "he"
[[layer]]
type = "tanh"
[[layer]]
type = "dropout"
probability = 0.3
[[layer]]
type = "linear"
name = "fc2"
deviation = 0.2
)",
                       "tiny");
}

struct TinyBatch {
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
  StepInput input() const { return {images, labels, {}}; }
};

inline constexpr int kTinyBatch = 6;  // images, where a test has no reason for another number

/// Seeded pictures whose label shows in them: the brightest third of the rows.
inline TinyBatch tiny_batch(int n, std::uint64_t seed) {
  const Philox bits{seed, stream_key(Purpose::test, 1, 0)};
  TinyBatch b;
  for (int i = 0; i < n; ++i) {
    const auto label = static_cast<std::int32_t>(bits(static_cast<std::uint64_t>(i) + 1000)[0] % 3);
    b.labels.push_back(label);
    for (int p = 0; p < 100; ++p) {
      const std::uint32_t noise = bits(static_cast<std::uint64_t>(i * 100 + p))[1] % 100;
      b.images.push_back(static_cast<std::uint8_t>(noise + (p / 34 == label ? 150 : 0)));
    }
  }
  return b;
}

inline StepState state_of(std::uint64_t step, int valid, float rate = 0.05F) {
  StepState s;
  s.seed = 7;
  s.step = step;
  s.valid = valid;
  s.learning_rate = rate;
  return s;
}

/// Steps of training; the block of weights afterwards.
inline std::vector<float> train_steps(Executor& e, Executor::PlanId plan, int steps, int n) {
  for (int i = 0; i < steps; ++i) {
    const auto step = static_cast<std::uint64_t>(i);
    e.enqueue(plan, tiny_batch(n, step).input(), state_of(step, n));
  }
  return e.weights();
}

}  // namespace fovea::test
