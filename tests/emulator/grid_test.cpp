// grid_test.cpp - shapes of launches, the spread of blocks over host threads, and schedules.
#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/emulator/schedule.h>
#include <fovea/tests/emulator/kernels/grids.h>
#include <fovea/tests/emulator/schedules.h>

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace fovea {
namespace {

std::size_t threads_of(const Extents& e) {
  std::size_t n = 1;
  for (int i = 0; i < 3; ++i) n *= static_cast<std::size_t>(e.grid[i]) * e.block[i];
  return n;
}

const Extents kShapes[] = {{},
                           {{1, 1, 1}, {1024, 1, 1}},
                           {{7, 1, 1}, {33, 1, 1}},
                           {{3, 4, 5}, {4, 3, 2}},
                           {{1, 2, 9}, {1, 5, 64}},
                           {{1000, 1, 1}, {1, 1, 1}},
                           {{2, 65, 3}, {8, 4, 1}}};

TEST(Grid, EveryThreadRunsOnceOnAllHostThreads) {
  const Stream stream(Device::emulated());
  for (const Extents& e : kShapes) {
    std::vector<int> count(threads_of(e));
    emu::run_count(e, count.data(), stream);
    stream.view().synchronize();
    EXPECT_EQ(count, std::vector<int>(count.size(), 1));
  }
}

TEST(Grid, EveryThreadRunsOnceUnderEverySchedule) {
  const Stream stream(Device::emulated());
  for (const Schedule& s : all_schedules()) {
    const ScopedSchedule scoped(s);
    for (const Extents& e : kShapes) {
      std::vector<int> count(threads_of(e));
      emu::run_count(e, count.data(), stream);
      stream.view().synchronize();
      ASSERT_EQ(count, std::vector<int>(count.size(), 1)) << to_string(s);
    }
  }
}

TEST(Grid, AtomicsOfBlocksOnSeveralHostThreadsAdd) {
  const Stream stream(Device::emulated());
  int total = 0;
  const Extents e{{500, 1, 1}, {96, 1, 1}};
  emu::run_atomic_count(e, &total, stream);
  stream.view().synchronize();
  EXPECT_EQ(total, 500 * 96);
}

TEST(Grid, TheLastBlockSeesAllPartials) {
  const Stream stream(Device::emulated());
  const auto run = [&stream] {
    const int blocks = 200;
    std::vector<int> partial(blocks, -1);
    unsigned arrived = 0;
    int sum = 0;
    emu::run_last_block(blocks, partial.data(), &arrived, &sum, stream);
    stream.view().synchronize();
    return sum;
  };
  EXPECT_EQ(run(), 199 * 200 / 2);
  for (const Schedule& s : all_schedules()) {
    const ScopedSchedule scoped(s);
    EXPECT_EQ(run(), 199 * 200 / 2) << to_string(s);
  }
}

TEST(Grid, DeepFramesSurviveTheWaits) {
  const Stream stream(Device::emulated());
  std::vector<float> y(64);
  emu::run_deep(40, y.data(), stream);  // 10 KiB of frames a thread
  stream.view().synchronize();
  EXPECT_EQ(y, std::vector<float>(64, 40));
}

TEST(Grid, AStructMayBeReturnedIntoSharedMemory) {
  const Stream stream(Device::emulated());
  std::vector<int> y(64);
  emu::run_returned(y.data(), stream);
  stream.view().synchronize();
  EXPECT_EQ(y, std::vector<int>(64, 6));
}

TEST(Grid, SeveralStreamsRunFromSeveralThreads) {
  std::vector<int> count(4 * 1024);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&count, t] {
      const Stream stream(Device::emulated());
      emu::run_count({{32, 1, 1}, {32, 1, 1}}, count.data() + t * 1024, stream);
      stream.view().synchronize();
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(count, std::vector<int>(4 * 1024, 1));
}

struct Refusal {
  Extents extents;
  const char* words;
};

TEST(Grid, RefusesWhatCudaRefuses) {
  const Refusal refusals[] = {
      {{{0, 1, 1}, {1, 1, 1}}, "a grid of 0 x 1 x 1"},
      {{{1, 65536, 1}, {1, 1, 1}}, "a grid of 1 x 65536 x 1"},
      {{{1, 1, 1}, {0, 1, 1}}, "a block of 0 x 1 x 1"},
      {{{1, 1, 1}, {33, 32, 1}}, "a block of 33 x 32 x 1"},
      {{{1, 1, 1}, {1, 1, 65}}, "a block of 1 x 1 x 65"},
      {{{1, 1, 1}, {1, 1, 1}, 228 * 1024}, "bytes of shared memory"},
  };
  const Stream stream(Device::emulated());
  int count = 0;
  for (const Refusal& r : refusals) {
    try {
      emu::run_count(r.extents, &count, stream);
      FAIL() << r.words;
    } catch (const DeviceError& e) {
      EXPECT_NE(std::string(e.what()).find(r.words), std::string::npos) << e.what();
      EXPECT_NE(std::string(e.what()).find("grids.cu:"), std::string::npos) << e.what();
    }
  }
  EXPECT_EQ(count, 0);
}

TEST(Schedules, AreTheFullProduct) {
  const auto all = all_schedules();
  EXPECT_EQ(all.size(), 20U);
  EXPECT_EQ(all.front(), Schedule{});
  std::set<std::string> names;
  for (const Schedule& s : all) names.insert(to_string(s));
  EXPECT_EQ(names.size(), all.size());
}

TEST(Schedules, NestAndStayInTheirThread) {
  EXPECT_EQ(ScopedSchedule::current(), nullptr);
  const Schedule outer{.order = ThreadOrder::reversed};
  const Schedule inner{.order = ThreadOrder::seed_2};
  const ScopedSchedule a(outer);
  {
    const ScopedSchedule b(inner);
    EXPECT_EQ(*ScopedSchedule::current(), inner);
    std::thread([] { EXPECT_EQ(ScopedSchedule::current(), nullptr); }).join();
  }
  EXPECT_EQ(*ScopedSchedule::current(), outer);
}

}  // namespace
}  // namespace fovea
