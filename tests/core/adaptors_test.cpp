// adaptors_test.cpp - counting, limiting, failing and guarding resources.
#include <fovea/core/dtype.h>
#include <fovea/core/error.h>
#include <fovea/core/guard_resource.h>
#include <fovea/core/log.h>
#include <fovea/core/pool_resource.h>
#include <fovea/core/resource_adaptors.h>

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace fovea {
namespace {

MemoryResource& host() { return default_resource(Device::cpu()); }

TEST(StatisticsResource, CountsBytesAndCalls) {
  StatisticsResource memory(host());
  void* a = memory.allocate(100, StreamView());
  void* b = memory.allocate(50, StreamView());
  memory.deallocate(a, 100, StreamView());
  void* c = memory.allocate(20, StreamView());
  static_cast<void>(memory.allocate(0, StreamView()));
  memory.deallocate(nullptr, 0, StreamView());
  MemoryStatistics seen = memory.statistics();
  EXPECT_EQ(seen.current_bytes, 70U);
  EXPECT_EQ(seen.peak_bytes, 150U);
  EXPECT_EQ(seen.total_bytes, 170U);
  EXPECT_EQ(seen.allocations, 3U);
  EXPECT_EQ(seen.deallocations, 1U);
  memory.reset_peak();
  EXPECT_EQ(memory.statistics().peak_bytes, 70U);
  memory.deallocate(b, 50, StreamView());
  memory.deallocate(c, 20, StreamView());
  EXPECT_EQ(memory.statistics().current_bytes, 0U);
}

TEST(StatisticsResource, DoesNotCountWhatFailed) {
  FailingResource failing(host(), 1);
  StatisticsResource memory(failing);
  EXPECT_THROW(memory.allocate(100, StreamView()), OutOfMemory);
  EXPECT_EQ(memory.statistics().allocations, 0U);
  EXPECT_EQ(memory.statistics().peak_bytes, 0U);
}

TEST(LimitResource, AllowsUpToItsLimit) {
  LimitResource memory(host(), 100);
  void* a = memory.allocate(60, StreamView());
  EXPECT_THROW(memory.allocate(41, StreamView()), OutOfMemory);
  EXPECT_THROW(memory.allocate(static_cast<std::size_t>(-1), StreamView()), OutOfMemory);
  void* b = memory.allocate(40, StreamView());
  memory.deallocate(a, 60, StreamView());
  a = memory.allocate(60, StreamView());
  memory.deallocate(a, 60, StreamView());
  memory.deallocate(b, 40, StreamView());
}

TEST(LimitResource, DoesNotChargeForWhatFailed) {
  FailingResource failing(host(), 1);
  LimitResource memory(failing, 100);
  EXPECT_THROW(memory.allocate(100, StreamView()), OutOfMemory);
  void* a = memory.allocate(100, StreamView());
  memory.deallocate(a, 100, StreamView());
}

TEST(FailingResource, FailsTheNthAllocationOnce) {
  FailingResource memory(host(), 3);
  std::vector<void*> blocks;
  int failures = 0;
  for (int i = 1; i <= 5; ++i) {
    try {
      blocks.push_back(memory.allocate(8, StreamView()));
    } catch (const OutOfMemory&) {
      EXPECT_EQ(i, 3);
      ++failures;
    }
  }
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(memory.calls(), 5U);
  for (void* p : blocks) memory.deallocate(p, 8, StreamView());
}

class Guard : public testing::TestWithParam<Device> {
 protected:
  /// What is said when `damage` is done to the second of two allocations of `bytes` bytes.
  std::vector<std::string> said_after(std::size_t bytes, std::ptrdiff_t at) {
    std::vector<std::string> said;
    // A pool below, so that a damaged guard lies in memory that is still mapped.
    PoolResource pool(default_resource(GetParam()));
    GuardResource memory(pool, [&](const std::string& what) { said.push_back(what); });
    const Stream stream(GetParam());
    void* first = memory.allocate(bytes, stream);
    auto* second = static_cast<unsigned char*>(memory.allocate(bytes, stream));
    stream.view().enqueue([second, at] { second[at] ^= 1U; });
    memory.deallocate(first, bytes, stream);
    memory.deallocate(second, bytes, stream);
    stream.view().synchronize();
    return said;
  }
};

INSTANTIATE_TEST_SUITE_P(Kinds, Guard, testing::Values(Device::cpu(), Device::emulated()),
                         [](const auto& test) { return to_string(test.param); });

TEST_P(Guard, SaysNothingWhereAllIsWell) {
  for (const std::size_t bytes : {1U, 100U, 256U, 1000U}) {
    EXPECT_TRUE(said_after(bytes, 0).empty());
    EXPECT_TRUE(said_after(bytes, static_cast<std::ptrdiff_t>(bytes) - 1).empty());
  }
}

TEST_P(Guard, NamesTheAllocationThatWasOverrun) {
  for (const std::size_t bytes : {1U, 100U, 256U, 1000U}) {
    const auto size = static_cast<std::ptrdiff_t>(bytes);
    const std::string name =
        "allocation 2 of " + std::to_string(bytes) + " bytes on " + to_string(GetParam());
    EXPECT_EQ(said_after(bytes, size),
              std::vector<std::string>{name + " was written 0 bytes behind its end"});
    EXPECT_EQ(said_after(bytes, size + 255),
              std::vector<std::string>{name + " was written 255 bytes behind its end"});
    EXPECT_EQ(said_after(bytes, -1),
              std::vector<std::string>{name + " was written 1 bytes before its begin"});
    EXPECT_EQ(said_after(bytes, -256),
              std::vector<std::string>{name + " was written 256 bytes before its begin"});
  }
}

/// One page that stays after it was given back, to look at.
class Page final : public MemoryResource {
 public:
  explicit Page(const Device& device) : device_{device} {}
  void* allocate(std::size_t, StreamView) override { return bytes_; }
  void deallocate(void*, std::size_t, StreamView) noexcept override {}
  Device device() const override { return device_; }

 private:
  Device device_;
  alignas(kAllocationAlignment) std::byte bytes_[4096];
};

TEST_P(Guard, PoisonReadsAsNan) {
  Page page(GetParam());
  GuardResource memory(page);
  const Stream stream(GetParam());
  auto* p = static_cast<float*>(memory.allocate(8 * sizeof(float), stream));
  stream.view().synchronize();
  EXPECT_TRUE(std::isnan(p[0]) && std::isnan(p[7]));
  EXPECT_TRUE(std::isnan(to_float(*reinterpret_cast<bf16*>(p))));
  for (int i = 0; i < 8; ++i) p[i] = 1;
  memory.deallocate(p, 8 * sizeof(float), stream);
  stream.view().synchronize();
  EXPECT_TRUE(std::isnan(p[0]) && std::isnan(p[7])) << "what was given back must not look whole";
}

TEST_P(Guard, SeesAFreeThatComesTwiceOrWithAnotherSize) {
  std::vector<std::string> said;
  PoolResource pool(default_resource(GetParam()));
  GuardResource memory(pool, [&](const std::string& what) { said.push_back(what); });
  const Stream stream(GetParam());
  void* p = memory.allocate(100, stream);
  memory.deallocate(p, 99, stream);
  memory.deallocate(p, 100, stream);
  stream.view().synchronize();
  ASSERT_EQ(said.size(), 2U);
  EXPECT_EQ(said[0], "allocation 1 of 100 bytes was given back as one of 99");
  EXPECT_EQ(said[1], "memory was given back twice, or never handed out");
  EXPECT_EQ(pool.usage().used_bytes, 0U);
}

TEST_P(Guard, GoesToTheLogWithoutAReport) {
  std::vector<std::string> said;
  set_log_sink([&](LogLevel, std::string_view what) { said.emplace_back(what); });
  {
    GuardResource memory(default_resource(GetParam()));
    int other = 0;
    memory.deallocate(&other, 4, StreamView());
  }
  set_log_sink({});
  EXPECT_EQ(said.size(), 1U);
}

TEST(GuardOnEmulated, KeepsStreamsLazy) {
  GuardResource memory(default_resource(Device::emulated()));
  const Stream stream(Device::emulated());
  bool ran = false;
  void* p = memory.allocate(100, stream);
  stream.view().enqueue([&] { ran = true; });
  memory.deallocate(p, 100, stream);
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace fovea
