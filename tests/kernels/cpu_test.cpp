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
  std::vector<std::string> unreached = algorithms_never_reached(DeviceKind::cpu);
  // oneDNN's kernels for bf16, and its one backward kernel for LRN in NHWC, are of AVX-512.
  if (__builtin_cpu_supports("avx512bw") == 0) {
    std::erase_if(unreached, [](const std::string& name) {
      return name == "lrn dgrad onednn:lrn fp32" ||
             (name.ends_with(" bf16") && name.find(" onednn:") != std::string::npos);
    });
  }
  EXPECT_EQ(unreached, std::vector<std::string>{});
}

}  // namespace
}  // namespace fovea::test
