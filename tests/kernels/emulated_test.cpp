// emulated_test.cpp - every algorithm of engine fovea on the emulated device against the reference.
#include <fovea/tests/kernels/doors.h>
#include <gtest/gtest.h>

#include <cstdlib>

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

// The file that a card is compared with holds what the emulator answers now. After a change that is
// meant to change bits: FOVEA_UPDATE_GOLDEN=1 in the environment writes it anew.
TEST(EmulatedAlgorithms, GiveTheGoldenResults) {
  const auto results = golden_results(DeviceKind::emulated);
  if (std::getenv("FOVEA_UPDATE_GOLDEN") != nullptr) write_golden(results);
  EXPECT_GE(results.size(), 30U);
  EXPECT_EQ(results, read_golden());
}

}  // namespace
}  // namespace fovea::test
