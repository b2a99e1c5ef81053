// gpu_test.cpp - every algorithm of engine fovea on the card: against the reference, and to the bit
// against what the emulator answered. Skipped where there is no GPU, with the reason.
#include <fovea/tests/kernels/doors.h>
#include <gtest/gtest.h>

namespace fovea::test {
namespace {

bool gpu_here() { return Device::best().kind() == DeviceKind::cuda; }

class Gpu : public ::testing::TestWithParam<Door> {
 protected:
  void SetUp() override {
    if (!gpu_here()) GTEST_SKIP() << Device::reason();
  }
};

TEST_P(Gpu, AgreesWithTheReference) { GetParam().compare(); }

INSTANTIATE_TEST_SUITE_P(Kernels, Gpu, ::testing::ValuesIn(doors(DeviceKind::cuda)),
                         [](const auto& test) { return test.param.name; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Gpu);

TEST(GpuAlgorithms, EachRunsSomeProblem) {
  if (!gpu_here()) GTEST_SKIP() << Device::reason();
  EXPECT_EQ(algorithms_never_reached(DeviceKind::cuda), std::vector<std::string>{});
}

TEST(GpuAlgorithms, GiveTheBitsOfTheEmulator) {
  if (!gpu_here()) GTEST_SKIP() << Device::reason();
  const auto golden = read_golden();
  std::vector<std::string> other;
  for (const auto& [call, hash] : golden_results(DeviceKind::cuda)) {
    const auto known = golden.find(call);
    if (known == golden.end() || known->second != hash) other.push_back(call);
  }
  EXPECT_EQ(other, std::vector<std::string>{});
}

}  // namespace
}  // namespace fovea::test
