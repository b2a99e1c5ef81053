// device_test.cpp - names of devices, what is said of them, and which GPUs a build has code for.
#include <fovea/core/cuda/architectures.h>
#include <fovea/core/device.h>
#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>

#include <gtest/gtest.h>

namespace fovea {
namespace {

TEST(Device, ParsesItsNames) {
  EXPECT_EQ(Device::parse("cpu"), Device::cpu());
  EXPECT_EQ(Device::parse("emulated"), Device::emulated());
  EXPECT_EQ(Device::parse("auto"), Device::best());
  EXPECT_EQ(to_string(Device::cpu()), "cpu");
  EXPECT_EQ(to_string(Device::emulated()), "emulated");
  EXPECT_EQ(to_string(Device::cuda(3)), "cuda:3");
}

TEST(Device, RefusesWhatIsNoDevice) {
  for (const char* text : {"", "gpu", "CPU", "cpu:0", "cuda:", "cuda:x", "cuda:1x", "cuda:-1",
                           "cuda:99999999999", "cuda:4096"}) {
    EXPECT_THROW(static_cast<void>(Device::parse(text)), InvalidArgument) << text;
  }
}

TEST(Device, BestIsNeverEmulatedAndSaysWhy) {
  EXPECT_NE(Device::best().kind(), DeviceKind::emulated);
  EXPECT_FALSE(Device::reason().empty());
}

TEST(Device, DescribesTheHost) {
  const DeviceInfo cpu = device_info(Device::cpu());
  EXPECT_EQ(cpu.device, Device::cpu());
  EXPECT_FALSE(cpu.name.empty());
  EXPECT_EQ(cpu.capability, 0);
  EXPECT_EQ(cpu.multiprocessors, 0);
  EXPECT_EQ(cpu.threads, available_threads());
  EXPECT_GT(cpu.memory_bytes, std::size_t{1} << 26);
}

TEST(Device, DescribesTheEmulatorAsTheLeastCardWeTarget) {
  const DeviceInfo emulated = device_info(Device::emulated());
  EXPECT_EQ(emulated.capability, 80);
  EXPECT_EQ(emulated.multiprocessors, 4);
  EXPECT_EQ(emulated.shared_bytes_per_block, 101376U);
}

TEST(Device, AGpuThatIsNotThereHasNoDescription) {
  EXPECT_THROW(static_cast<void>(device_info(Device::cuda(4096))), InvalidArgument);
}

TEST(Architectures, MachineCodeRunsWithinAMajorVersionFromItsMinorOn) {
  EXPECT_TRUE(code_runs_on("80-real", 80));
  EXPECT_TRUE(code_runs_on("80-real", 86));
  EXPECT_FALSE(code_runs_on("86-real", 80));
  EXPECT_FALSE(code_runs_on("80-real", 90));
  EXPECT_FALSE(code_runs_on("80-real", 75));
}

TEST(Architectures, PtxRunsOnAllLaterCards) {
  EXPECT_TRUE(code_runs_on("80-virtual", 120));
  EXPECT_TRUE(code_runs_on("80", 90));
  EXPECT_FALSE(code_runs_on("80-virtual", 75));
}

TEST(Architectures, SpecificCodeRunsOnItsOwnCardAlone) {
  EXPECT_TRUE(code_runs_on("90a-real", 90));
  EXPECT_FALSE(code_runs_on("90a-real", 100));
  EXPECT_FALSE(code_runs_on("90a-virtual", 100));
  EXPECT_TRUE(code_runs_on("100f-real", 103));
  EXPECT_FALSE(code_runs_on("100f-real", 120));
}

TEST(Architectures, AnyEntryWillDo) {
  EXPECT_TRUE(code_runs_on("75-real;90a-real", 90));
  EXPECT_TRUE(code_runs_on("75-real,80-real,80-virtual", 120));
  EXPECT_TRUE(code_runs_on("all", 75));
  EXPECT_FALSE(code_runs_on("75-real;90a-real", 80));
  EXPECT_FALSE(code_runs_on("", 80));
  EXPECT_FALSE(code_runs_on("native", 80));
}

}  // namespace
}  // namespace fovea
