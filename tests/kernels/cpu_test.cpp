// cpu_test.cpp - every algorithm on the CPU against the reference.
#include <fovea/tests/kernels/doors.h>
#include <gtest/gtest.h>

namespace fovea::test {
namespace {

class Cpu : public ::testing::TestWithParam<Door> {};

TEST_P(Cpu, AgreesWithTheReference) { GetParam().compare(); }

INSTANTIATE_TEST_SUITE_P(Kernels, Cpu, ::testing::ValuesIn(doors(DeviceKind::cpu)),
                         [](const auto& test) { return test.param.name; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Cpu);

TEST(CpuAlgorithms, EachRunsSomeProblem) {
  EXPECT_EQ(algorithms_never_reached(DeviceKind::cpu), std::vector<std::string>{});
}

}  // namespace
}  // namespace fovea::test
