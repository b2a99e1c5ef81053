// update_test.cpp - one training step changes each parameter by the rule of kernels/ops/update.h.
#include <fovea/kernels/registry/registry.h>
#include <fovea/tests/layers/tiny_net.h>

#include <gtest/gtest.h>

namespace fovea::test {
namespace {

class Update : public testing::TestWithParam<Device> {};
INSTANTIATE_TEST_SUITE_P(Devices, Update, testing::Values(Device::cpu(), Device::emulated()),
                         [](const auto& test) { return to_string(test.param); });

TEST_P(Update, IsMomentumWithDecayAndRatesOfEachParameter) {
  constexpr int kBatch = 6;
  const Registry registry = default_registry();
  ExecutorOptions options;
  options.device = GetParam();
  Executor e(tiny_recipe(), 3, {{0.0F}, {1.0F / 255}}, registry, options);
  const auto plan = e.add_training(kBatch);
  e.allocate();
  e.initialise(1);
  for (std::uint64_t step = 0; step < 2; ++step) {
    const std::vector<float> w = e.weights();
    const std::vector<float> v = e.velocity();
    e.enqueue(plan, tiny_batch(kBatch, step).input(), state_of(step, kBatch, 0.1F));
    const std::vector<float> g = e.gradients();
    const std::vector<float> after = e.weights();
    for (std::size_t k = 0; k < e.parameters().size(); ++k) {
      const ParameterSpec& spec = e.parameters()[k];
      const bool bias = spec.name.ends_with(".bias");
      const double rate = 0.1 * (bias ? 2.0 : 1.0);
      const double decay = bias ? 0.0 : 0.001;
      const Segment& s = e.layout().segments()[k];
      const auto end = static_cast<std::size_t>(s.offset + s.length);
      for (auto i = static_cast<std::size_t>(s.offset); i < end; ++i) {
        const double velocity = 0.9 * v[i] - rate * (decay * w[i] + g[i]);
        EXPECT_NEAR(after[i], w[i] + velocity, 1e-6) << spec.name << " in step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace fovea::test
