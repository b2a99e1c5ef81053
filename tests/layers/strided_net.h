// strided_net.h - a net whose first convolution has a stride, on the emulated device.
#pragma once

#include <fovea/core/error.h>
#include <fovea/kernels/registry/registry.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tiny_net.h"

namespace fovea::test {

inline constexpr int kStridedImages = 3;

/// 27x27x3 pictures, a first convolution of 7x7 by 4 with padding, and one more behind it.
inline Recipe strided_recipe() {
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

/// Pixels from 0 to 1: probabilities stay away from them.
inline Preprocessing strided_preprocessing() {
  Preprocessing p = Preprocessing::none(strided_recipe().input);
  p.scale.assign(p.scale.size(), 1.0F / 255);
  return p;
}

inline TinyBatch strided_pictures() {
  const Philox bits{11, stream_key(Purpose::test, 2, 0)};
  TinyBatch b;
  for (std::uint64_t i = 0; i < kStridedImages * 27 * 27 * 3; ++i) {
    b.images.push_back(static_cast<std::uint8_t>(bits(i)[0] % 256));
  }
  b.labels = {0, 1, 2};
  return b;
}

struct StridedNet {
  Executor executor;
  Executor::PlanId training, prediction;

  StridedNet(Math math, const std::string& engines, const std::vector<std::string>& keep = {})
      : StridedNet{options(math, engines), keep} {}
  explicit StridedNet(const ExecutorOptions& o, const std::vector<std::string>& keep = {},
                      int predicted = kStridedImages, const Registry& registry = default_registry())
      : executor{strided_recipe(), 3, strided_preprocessing(), registry, o},
        training{executor.add_training(kStridedImages)},
        prediction{executor.add_prediction(predicted, keep)} {
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
    const TinyBatch b = strided_pictures();
    executor.enqueue(prediction, {b.images, {}, {}}, state_of(0, kStridedImages));
    return executor.read(prediction, "probabilities");
  }
};

}  // namespace fovea::test
