// pool_test.cpp - the pool's promises one by one; pool_fuzz_test.cpp tries them all at once.
#include <fovea/core/error.h>
#include <fovea/core/log.h>
#include <fovea/core/pool_resource.h>
#include <fovea/core/resource_adaptors.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace fovea {
namespace {

constexpr std::size_t kKiB = 1024;

class Pool : public testing::TestWithParam<Device> {
 protected:
  Device device() const { return GetParam(); }
  StatisticsResource upstream{default_resource(GetParam())};
  Stream stream{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Kinds, Pool, testing::Values(Device::cpu(), Device::emulated()),
                         [](const auto& test) { return to_string(test.param); });

TEST_P(Pool, AsksTheUpstreamForChunksAndCutsThem) {
  PoolResource pool(upstream, {.chunk_bytes = 64 * kKiB});
  void* a = pool.allocate(1000, stream);
  void* b = pool.allocate(1, stream);
  EXPECT_EQ(upstream.statistics().allocations, 1U);
  EXPECT_EQ(upstream.statistics().current_bytes, 64 * kKiB);
  EXPECT_EQ(static_cast<char*>(b) - static_cast<char*>(a), 1024);
  EXPECT_EQ(pool.usage().used_bytes, 1024U + 256U);
  pool.deallocate(a, 1000, stream);
  pool.deallocate(b, 1, stream);
  EXPECT_EQ(pool.usage().used_bytes, 0U);
  void* whole = pool.allocate(64 * kKiB, stream);
  EXPECT_EQ(whole, a) << "neighbours must be one block again";
  pool.deallocate(whole, 64 * kKiB, stream);
  EXPECT_EQ(pool.usage().free_blocks, 1U);
  EXPECT_EQ(pool.usage().largest_free, 64 * kKiB);
  pool.verify();
}

TEST_P(Pool, NoBytesAreNoBlock) {
  PoolResource pool(upstream);
  EXPECT_EQ(pool.allocate(0, stream), nullptr);
  pool.deallocate(nullptr, 0, stream);
  EXPECT_EQ(upstream.statistics().allocations, 0U);
}

TEST_P(Pool, ReusesAtOnceOnTheSameStream) {
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB});
  void* a = pool.allocate(4 * kKiB, stream);
  pool.deallocate(a, 4 * kKiB, stream);
  EXPECT_EQ(pool.allocate(4 * kKiB, stream), a);
  EXPECT_EQ(upstream.statistics().allocations, 1U);
  pool.deallocate(a, 4 * kKiB, stream);
}

TEST_P(Pool, TakesTheSmallestBlockThatFits) {
  PoolResource pool(upstream, {.chunk_bytes = 64 * kKiB});
  // free 8 KiB, used, free 2 KiB, used, free rest
  void* big = pool.allocate(8 * kKiB, stream);
  void* wall = pool.allocate(256, stream);
  void* small = pool.allocate(2 * kKiB, stream);
  void* end = pool.allocate(256, stream);
  pool.deallocate(big, 8 * kKiB, stream);
  pool.deallocate(small, 2 * kKiB, stream);
  EXPECT_EQ(pool.allocate(2 * kKiB - 100, stream), small);
  EXPECT_EQ(pool.allocate(3 * kKiB, stream), big);
  pool.deallocate(small, 2 * kKiB - 100, stream);
  pool.deallocate(big, 3 * kKiB, stream);
  pool.deallocate(wall, 256, stream);
  pool.deallocate(end, 256, stream);
  stream.view().synchronize();
  pool.release();
  EXPECT_EQ(upstream.statistics().current_bytes, 0U);
}

TEST_P(Pool, NeverHoldsMoreThanItMay) {
  PoolResource pool(upstream, {.chunk_bytes = 16 * kKiB, .max_bytes = 40 * kKiB});
  std::vector<void*> blocks;
  for (int i = 0; i < 10; ++i) blocks.push_back(pool.allocate(4 * kKiB, stream));
  EXPECT_EQ(pool.usage().upstream_bytes, 40 * kKiB);
  EXPECT_THROW(pool.allocate(1, stream), OutOfMemory);
  EXPECT_THROW(pool.allocate(41 * kKiB, stream), OutOfMemory);
  EXPECT_THROW(pool.allocate(static_cast<std::size_t>(-1), stream), OutOfMemory);
  EXPECT_EQ(pool.usage().used_bytes, 40 * kKiB) << "a refusal must change nothing";
  for (void* p : blocks) pool.deallocate(p, 4 * kKiB, stream);
  void* whole = pool.allocate(40 * kKiB, stream);  // gives three chunks back for one that fits
  EXPECT_NE(whole, nullptr);
  EXPECT_EQ(pool.usage().upstream_bytes, 40 * kKiB);
  pool.deallocate(whole, 40 * kKiB, stream);
  pool.verify();
}

TEST_P(Pool, NeverHandsOutLessThanWasAskedFor) {
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB, .max_bytes = 40 * kKiB});
  void* a = pool.allocate(20 * kKiB, stream);
  EXPECT_THROW(pool.allocate(30 * kKiB, stream), OutOfMemory);  // 20 KiB of room are left
  EXPECT_EQ(pool.usage().used_bytes, 20 * kKiB);
  pool.deallocate(a, 20 * kKiB, stream);
  pool.verify();
}

TEST_P(Pool, SurvivesAnUpstreamThatFails) {
  FailingResource failing(upstream, 2);
  PoolResource pool(failing, {.chunk_bytes = 4 * kKiB});
  void* a = pool.allocate(4 * kKiB, stream);
  // The second chunk fails; the pool asks once more after release() and gets it.
  void* b = pool.allocate(4 * kKiB, stream);
  EXPECT_EQ(failing.calls(), 3U);
  pool.deallocate(a, 4 * kKiB, stream);
  pool.deallocate(b, 4 * kKiB, stream);
}

TEST_P(Pool, AsksForLessWhereAWholeChunkDoesNotFit) {
  LimitResource limited(upstream, 20 * kKiB);
  PoolResource pool(limited, {.chunk_bytes = 16 * kKiB});
  void* a = pool.allocate(14 * kKiB, stream);
  void* b = pool.allocate(4 * kKiB, stream);  // just what the upstream has left
  EXPECT_EQ(upstream.statistics().current_bytes, 20 * kKiB);
  pool.deallocate(a, 14 * kKiB, stream);
  pool.deallocate(b, 4 * kKiB, stream);
}

TEST_P(Pool, ReturnsUnusedChunksAndKeepsTheOthers) {
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB});
  void* a = pool.allocate(4 * kKiB, stream);
  void* b = pool.allocate(4 * kKiB, stream);
  pool.deallocate(a, 4 * kKiB, stream);
  EXPECT_EQ(pool.release(), 4 * kKiB);
  EXPECT_EQ(upstream.statistics().current_bytes, 4 * kKiB);
  pool.deallocate(b, 4 * kKiB, stream);
  EXPECT_EQ(pool.release(), 4 * kKiB);
  EXPECT_EQ(upstream.statistics().current_bytes, 0U);
  EXPECT_EQ(pool.release(), 0U);
}

TEST_P(Pool, RefusesToAllocateInsideACapture) {
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB});
  EXPECT_THROW(CapturedWork(stream, [&] { pool.allocate(1, stream); }), InvalidArgument);
}

TEST_P(Pool, WhatIsFreedInsideACaptureComesBackToItsStream) {
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB});
  void* a = pool.allocate(4 * kKiB, stream);
  const CapturedWork captured(stream, [&] { pool.deallocate(a, 4 * kKiB, stream); });
  const Stream other(device());
  void* b = pool.allocate(4 * kKiB, other);
  if (device().kind() == DeviceKind::cpu) {  // the one list: here the work before is done
    EXPECT_EQ(b, a);
    return pool.deallocate(b, 4 * kKiB, other);
  }
  EXPECT_NE(b, a) << "no event says when another stream may have it";
  pool.deallocate(b, 4 * kKiB, other);
  EXPECT_EQ(pool.allocate(4 * kKiB, stream), a);
  pool.deallocate(a, 4 * kKiB, stream);
  pool.verify();
}

TEST_P(Pool, TellsTheLogWhatIsWrong) {
  std::vector<std::string> said;
  set_log_sink([&](LogLevel, std::string_view message) { said.emplace_back(message); });
  {
    PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB});
    int other = 0;
    pool.deallocate(&other, 4, stream);
    void* a = pool.allocate(100, stream);
    pool.deallocate(a, 1000, stream);
    pool.deallocate(a, 100, stream);
    static_cast<void>(pool.allocate(100, stream));
  }
  set_log_sink({});
  ASSERT_EQ(said.size(), 4U);
  EXPECT_NE(said[0].find("not handed out"), std::string::npos);
  EXPECT_NE(said[1].find("another size"), std::string::npos);
  EXPECT_NE(said[2].find("not handed out"), std::string::npos);
  EXPECT_NE(said[3].find("256 bytes still handed out"), std::string::npos);
  EXPECT_EQ(upstream.statistics().current_bytes, 0U);
}

TEST(PoolOnCpu, HostMemoryGivenBackOnALazyStreamWaitsForItToo) {
  // As page-locked memory does that a GPU still copies from.
  StatisticsResource upstream(default_resource(Device::cpu()));
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB});
  const Stream lazy(Device::emulated()), host(Device::cpu());
  auto* p = static_cast<int*>(pool.allocate(4 * kKiB, lazy));
  *p = 1;
  int seen = 0;
  lazy.view().enqueue([p, &seen] { seen = *p; });
  pool.deallocate(p, 4 * kKiB, lazy);
  auto* q = static_cast<int*>(pool.allocate(4 * kKiB, host));
  EXPECT_NE(q, p);
  *q = 2;
  lazy.view().synchronize();
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(pool.allocate(4 * kKiB, host), p) << "passed by the lazy stream: free for all";
  pool.deallocate(p, 4 * kKiB, host);
  pool.deallocate(q, 4 * kKiB, host);
}

TEST(PoolOnCpu, LetsTheAddressSanitizerSeeWhatIsNotHandedOut) {
#if defined(__SANITIZE_ADDRESS__)
  PoolResource pool(default_resource(Device::cpu()));
  auto* p = static_cast<volatile char*>(pool.allocate(100, StreamView()));
  p[99] = 1;
  EXPECT_DEATH(p[100] = 1, "use-after-poison");
  pool.deallocate(const_cast<char*>(p), 100, StreamView());
  EXPECT_DEATH(p[0] = 1, "use-after-poison");
#else
  GTEST_SKIP() << "this build is without the address sanitizer";
#endif
}

/// A resource whose two streams of one device compete for one chunk.
class PoolAcrossStreams : public testing::Test {
 protected:
  StatisticsResource upstream{default_resource(Device::emulated())};
  Stream first{Device::emulated()}, second{Device::emulated()};
};

TEST_F(PoolAcrossStreams, AnotherStreamWaitsForTheFree) {
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB});
  auto* a = static_cast<int*>(pool.allocate(4 * kKiB, first));
  int seen = 0;
  first.view().enqueue([a] { *a = 1; });
  first.view().enqueue([a, &seen] { seen = *a; });
  pool.deallocate(a, 4 * kKiB, first);
  auto* b = static_cast<int*>(pool.allocate(4 * kKiB, second));
  EXPECT_EQ(b, a) << "waiting is preferred to growing";
  second.view().enqueue([b] { *b = 2; });
  second.view().synchronize();  // runs first's work before its own
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(*b, 2);
  pool.deallocate(b, 4 * kKiB, second);
}

TEST_F(PoolAcrossStreams, WhatTheDeviceHasPassedIsFreeForAll) {
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB});
  void* a = pool.allocate(4 * kKiB, first);
  pool.deallocate(a, 4 * kKiB, first);
  first.view().synchronize();
  bool ran = false;
  first.view().enqueue([&] { ran = true; });
  EXPECT_EQ(pool.allocate(4 * kKiB, second), a);
  second.view().synchronize();
  EXPECT_FALSE(ran) << "second has no reason to wait for first";
  first.view().synchronize();
  pool.deallocate(a, 4 * kKiB, second);
}

TEST_F(PoolAcrossStreams, MergesWhatSeveralStreamsFreed) {
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB, .max_bytes = 4 * kKiB});
  void* a = pool.allocate(2 * kKiB, first);
  void* b = pool.allocate(2 * kKiB, second);
  pool.deallocate(a, 2 * kKiB, first);
  pool.deallocate(b, 2 * kKiB, second);
  EXPECT_EQ(pool.usage().free_blocks, 2U);
  const Stream third(Device::emulated());
  void* whole = pool.allocate(4 * kKiB, third);
  EXPECT_EQ(whole, a);
  pool.deallocate(whole, 4 * kKiB, third);
  pool.verify();
}

TEST_F(PoolAcrossStreams, WhatAStreamTookOverIsOrderedForTheNext) {
  // first frees, second takes it by waiting and frees; third must be behind both.
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB, .max_bytes = 4 * kKiB});
  const Stream third(Device::emulated());
  std::vector<int> order;
  int number = 0;
  for (const StreamView s : {first.view(), second.view(), third.view()}) {
    void* p = pool.allocate(4 * kKiB, s);
    s.enqueue([&order, n = ++number] { order.push_back(n); });
    pool.deallocate(p, 4 * kKiB, s);
  }
  third.view().synchronize();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(PoolAcrossStreams, AnEmptyViewGetsOnlyWhatIsFreeForAll) {
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB});
  void* a = pool.allocate(4 * kKiB, first);
  pool.deallocate(a, 4 * kKiB, first);
  void* b = pool.allocate(4 * kKiB, StreamView());
  EXPECT_NE(b, a);
  pool.deallocate(b, 4 * kKiB, StreamView());
  EXPECT_EQ(pool.allocate(4 * kKiB, StreamView()), b);
  pool.deallocate(b, 4 * kKiB, StreamView());
}

TEST_F(PoolAcrossStreams, OutlivesTheStreamsThatFreedIntoIt) {
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB});
  void* a = nullptr;
  for (int i = 0; i < 3; ++i) {
    const Stream gone(Device::emulated());
    a = pool.allocate(4 * kKiB, gone);
    pool.deallocate(a, 4 * kKiB, gone);
  }
  EXPECT_EQ(pool.allocate(4 * kKiB, first), a);
  pool.deallocate(a, 4 * kKiB, first);
  EXPECT_EQ(upstream.statistics().allocations, 1U);
}

TEST_F(PoolAcrossStreams, ATaskMayFreeWhileThePoolWaitsForIt) {
  PoolResource pool(upstream, {.chunk_bytes = 4 * kKiB});
  void* a = pool.allocate(kKiB, first);
  void* b = pool.allocate(kKiB, first);
  first.view().enqueue([&] { pool.deallocate(b, kKiB, StreamView()); });
  pool.deallocate(a, kKiB, first);
  pool.release();  // runs the task
  EXPECT_EQ(pool.usage().used_bytes, 0U);
}

}  // namespace
}  // namespace fovea
