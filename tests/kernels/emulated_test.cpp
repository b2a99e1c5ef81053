// emulated_test.cpp - every algorithm of engine fovea on the emulated device against the reference.
#include <fovea/tests/kernels/doors.h>
#include <gtest/gtest.h>

namespace fovea::test {
namespace {

class Emulated : public ::testing::TestWithParam<Door> {};

TEST_P(Emulated, AgreesWithTheReference) { GetParam().compare(); }

INSTANTIATE_TEST_SUITE_P(Kernels, Emulated, ::testing::ValuesIn(doors(DeviceKind::emulated)),
                         [](const auto& test) { return test.param.name; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Emulated);

TEST(EmulatedAlgorithms, EachRunsSomeProblem) {
  EXPECT_EQ(algorithms_never_reached(DeviceKind::emulated), std::vector<std::string>{});
}

}  // namespace
}  // namespace fovea::test
