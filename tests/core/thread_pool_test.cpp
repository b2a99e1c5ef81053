// thread_pool_test.cpp - parts of a loop, their errors, loops in loops, loops beside loops.
#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace fovea {
namespace {

using Part = std::pair<std::int64_t, std::int64_t>;

std::vector<Part> parts_of(ThreadPool& pool, std::int64_t count, std::int64_t grain) {
  std::mutex mutex;
  std::vector<Part> parts;
  pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    const std::lock_guard lock(mutex);
    parts.emplace_back(begin, end);
  });
  std::sort(parts.begin(), parts.end());
  return parts;
}

TEST(ThreadPool, CutsALoopByCountGrainAndThreadsAlone) {
  ThreadPool pool(4);
  EXPECT_EQ(parts_of(pool, 10, 1), (std::vector<Part>{{0, 3}, {3, 6}, {6, 9}, {9, 10}}));
  EXPECT_EQ(parts_of(pool, 10, 4), (std::vector<Part>{{0, 4}, {4, 8}, {8, 10}}));
  EXPECT_EQ(parts_of(pool, 3, 100), (std::vector<Part>{{0, 3}}));
  EXPECT_EQ(parts_of(pool, 2, 0), (std::vector<Part>{{0, 1}, {1, 2}}));
  EXPECT_EQ(parts_of(pool, 0, 1), (std::vector<Part>{}));
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(parts_of(pool, 10, 4), (std::vector<Part>{{0, 4}, {4, 8}, {8, 10}}));
  }
}

TEST(ThreadPool, CoversEveryIndexOnceForAnyCount) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (std::int64_t count = 1; count < 40; ++count) {
      for (const std::int64_t grain : {1, 3, 7}) {
        std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
        pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
          EXPECT_TRUE(end - begin >= grain || end == count);
          for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
        });
        for (const std::atomic<int>& times : seen) ASSERT_EQ(times, 1);
      }
    }
  }
}

TEST(ThreadPool, RunsPartsOnSeveralThreadsAtOnce) {
  ThreadPool pool(3);
  std::atomic<int> arrived{0};
  pool.parallel_for(3, 1, [&](std::int64_t, std::int64_t) {
    ++arrived;
    while (arrived < 3) std::this_thread::yield();  // ends only if all three run together
  });
  EXPECT_EQ(arrived, 3);
}

// Threads that wait spin first and sleep then: both are found by the next loop.
TEST(ThreadPool, FindsThreadsThatSpinAndThreadsThatSleep) {
  ThreadPool pool(3);
  for (const int pause_ms : {0, 0, 0, 1, 30, 0, 30}) {
    std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
    std::atomic<int> arrived{0};
    pool.parallel_for(3, 1, [&](std::int64_t, std::int64_t) {
      ++arrived;
      while (arrived < 3) std::this_thread::yield();  // ends only if all three run together
    });
    EXPECT_EQ(arrived, 3);
  }
}

TEST(ThreadPool, APoolOfOneStaysOnTheCaller) {
  ThreadPool pool(1);
  const auto caller = std::this_thread::get_id();
  pool.parallel_for(100, 1, [&](std::int64_t begin, std::int64_t end) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(begin, 0);
    EXPECT_EQ(end, 100);
  });
}

TEST(ThreadPool, RethrowsTheErrorOfTheLowestPart) {
  ThreadPool pool(4);
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::atomic<int> ran{0};
    try {
      pool.parallel_for(8, 2, [&](std::int64_t begin, std::int64_t) {
        ++ran;
        if (begin >= 2) throw Error(std::to_string(begin));
      });
      FAIL() << "no error came out";
    } catch (const Error& e) {
      EXPECT_STREQ(e.what(), "2");
    }
    EXPECT_EQ(ran, 4) << "a part was not run";
  }
  EXPECT_EQ(parts_of(pool, 8, 2).size(), 4U) << "the pool does not go on";
}

TEST(ThreadPool, ALoopInsideABodyRunsInPlaceWithTheSameParts) {
  ThreadPool pool(2), other(2);
  for (ThreadPool* outer : {&pool, &other}) {
    const std::vector<Part> alone = parts_of(pool, 10, 2);
    std::atomic<int> same{0};
    outer->parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
      const auto here = std::this_thread::get_id();
      std::vector<Part> inner;
      pool.parallel_for(10, 2, [&](std::int64_t begin, std::int64_t end) {
        EXPECT_EQ(std::this_thread::get_id(), here);
        // Long enough for another thread to come and take the next part.
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
        inner.emplace_back(begin, end);
      });
      if (inner == alone) ++same;
    });
    EXPECT_EQ(same, 2);
  }
}

TEST(ThreadPool, CallersOnSeveralThreadsAllGetTheirLoopsDone) {
  ThreadPool pool(2);
  std::vector<std::int64_t> sums(4);
  std::vector<std::thread> callers;
  for (std::size_t t = 0; t < sums.size(); ++t) {
    callers.emplace_back([&, t] {
      for (int repeat = 0; repeat < 500; ++repeat) {
        std::atomic<std::int64_t> sum{0};
        pool.parallel_for(100, 1, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) sum += i;
        });
        sums[t] += sum;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sums, std::vector<std::int64_t>(4, 500 * 4950));
}

TEST(ThreadPool, SharedFollowsWhatIsSet) {
  ThreadPool::set_shared_threads(3);
  EXPECT_EQ(ThreadPool::shared().threads(), 3);
  ThreadPool::set_shared_threads(0);
  EXPECT_EQ(ThreadPool::shared().threads(), available_threads());
  EXPECT_GE(available_threads(), 1);
}

}  // namespace
}  // namespace fovea
