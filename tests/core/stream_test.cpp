// stream_test.cpp - order of work on cpu and emulated streams, events between them, and replay.
#include <fovea/core/error.h>
#include <fovea/core/stream.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace fovea {
namespace {

class HostStreams : public testing::TestWithParam<Device> {};

INSTANTIATE_TEST_SUITE_P(Kinds, HostStreams, testing::Values(Device::cpu(), Device::emulated()),
                         [](const auto& test) { return to_string(test.param); });

TEST_P(HostStreams, RunsTasksInOrder) {
  const Stream stream(GetParam());
  std::vector<int> seen;
  for (int i = 0; i < 5; ++i) stream.view().enqueue([&seen, i] { seen.push_back(i); });
  stream.view().synchronize();
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_P(HostStreams, CopiesAndFillsInOrder) {
  const Stream stream(GetParam());
  std::vector<unsigned char> a(8, 1), b(8, 2);
  stream.view().fill(a.data(), 7, 4);
  stream.view().copy(b.data(), a.data(), a.size());
  stream.view().fill(a.data(), 9, a.size());
  stream.view().synchronize();
  EXPECT_EQ(b, (std::vector<unsigned char>{7, 7, 7, 7, 1, 1, 1, 1}));
  EXPECT_EQ(a, std::vector<unsigned char>(8, 9));
}

TEST_P(HostStreams, KeepsTheErrorOfATaskForSynchronizeAndSkipsWhatFollows) {
  const Stream stream(GetParam());
  bool followed = false;
  stream.view().enqueue([] { throw DeviceError("planted"); });
  stream.view().enqueue([&] { followed = true; });
  EXPECT_THROW(stream.view().synchronize(), DeviceError);
  EXPECT_FALSE(followed);
  stream.view().enqueue([&] { followed = true; });  // the stream goes on
  stream.view().synchronize();
  EXPECT_TRUE(followed);
}

TEST_P(HostStreams, AnErrorCrossesWithTheEvent) {
  const Stream first(GetParam()), second(GetParam());
  Event done(GetParam());
  bool used = false;
  first.view().enqueue([] { throw DeviceError("planted"); });
  done.record(first);
  second.view().wait(done);
  second.view().enqueue([&] { used = true; });
  EXPECT_THROW(second.view().synchronize(), DeviceError);
  EXPECT_FALSE(used);
  EXPECT_THROW(done.wait(), DeviceError);
  EXPECT_THROW(first.view().synchronize(), DeviceError);
}

TEST_P(HostStreams, AnEventNeverRecordedIsReached) {
  const Stream stream(GetParam());
  const Event event(GetParam());
  event.wait();
  stream.view().wait(event);
  stream.view().synchronize();
}

TEST_P(HostStreams, WaitMeansTheRecordBeforeIt) {
  const Stream first(GetParam()), second(GetParam());
  Event event(GetParam());
  std::vector<int> seen;
  first.view().enqueue([&] { seen.push_back(1); });
  event.record(first);
  second.view().wait(event);
  first.view().enqueue([&] { seen.push_back(3); });
  event.record(first);  // does not change what `second` waits for
  second.view().enqueue([&] { seen.push_back(2); });
  second.view().synchronize();
  first.view().synchronize();
  std::sort(seen.begin() + 1, seen.end());
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
}

TEST_P(HostStreams, MeasuresTimeBetweenEvents) {
  const Stream stream(GetParam());
  Event begin(GetParam(), true), end(GetParam(), true);
  const Event untimed(GetParam());
  begin.record(stream);
  stream.view().enqueue([] { std::this_thread::sleep_for(std::chrono::milliseconds(2)); });
  end.record(stream);
  end.wait();
  EXPECT_GE(Event::elapsed_us(begin, end), 2000.0F);
  EXPECT_THROW(Event::elapsed_us(begin, untimed), InvalidArgument);
}

TEST_P(HostStreams, ReplayEqualsLaunch) {
  const Stream stream(GetParam());
  std::vector<float> launched(4, 1), replayed(4, 1), copy(4);
  const auto step = [&](std::vector<float>& x) {
    stream.view().enqueue([&x] {
      for (float& v : x) v = 2 * v + 1;
    });
    stream.view().copy(copy.data(), x.data(), 2 * sizeof(float));
    stream.view().fill(copy.data() + 2, 0, 2 * sizeof(float));
  };
  const CapturedWork captured(stream, [&] { step(replayed); });
  stream.view().synchronize();
  EXPECT_EQ(replayed, std::vector<float>(4, 1)) << "a capture must not run the work";
  for (int i = 0; i < 3; ++i) {
    step(launched);
    captured.launch(stream);
  }
  stream.view().synchronize();
  EXPECT_EQ(replayed, launched);
  EXPECT_EQ(copy, (std::vector<float>{15, 15, 0, 0}));
}

TEST_P(HostStreams, ReplayKeepsTheOrderAcrossStreams) {
  const Stream main(GetParam()), side(GetParam());
  Event fork(GetParam()), join(GetParam());
  int a = 0, b = 0, c = 0;
  const CapturedWork captured(main, [&] {
    main.view().enqueue([&] { ++a; });
    fork.record(main);
    side.view().wait(fork);
    side.view().enqueue([&] { b = 10 * a; });
    join.record(side);
    main.view().wait(join);
    main.view().enqueue([&] { c = b + 1; });
  });
  for (int i = 1; i <= 3; ++i) {
    captured.launch(main);
    main.view().synchronize();
    EXPECT_EQ(c, 10 * i + 1);
  }
  bool ran = false;  // the side stream is free again
  side.view().enqueue([&] { ran = true; });
  side.view().synchronize();
  EXPECT_TRUE(ran);
}

TEST_P(HostStreams, ACaptureRefusesWorkThatNobodyJoins) {
  const Stream main(GetParam()), side(GetParam());
  Event fork(GetParam()), join(GetParam());
  const auto unjoined = [&] {
    fork.record(main);
    side.view().wait(fork);
    side.view().enqueue([] {});
    join.record(side);
    side.view().enqueue([] {});  // after the event
    main.view().wait(join);
  };
  EXPECT_THROW(CapturedWork(main, unjoined), InvalidArgument);
  main.view().synchronize();  // both streams are usable afterwards
  side.view().synchronize();
}

TEST_P(HostStreams, ACaptureRefusesToWaitOrToNest) {
  const Stream stream(GetParam()), other(GetParam());
  Event outside(GetParam()), inside(GetParam());
  outside.record(other);
  const CapturedWork empty(stream, [] {});
  EXPECT_THROW(CapturedWork(stream, [&] { stream.view().synchronize(); }), InvalidArgument);
  EXPECT_THROW(CapturedWork(stream, [&] { stream.view().wait(outside); }), InvalidArgument);
  EXPECT_THROW(CapturedWork(stream, [&] { empty.launch(stream); }), InvalidArgument);
  EXPECT_THROW(CapturedWork(stream, [&] { CapturedWork(stream, [] {}); }), InvalidArgument);
  EXPECT_THROW(CapturedWork(stream, [&] { throw Unsupported("planted"); }), Unsupported);
  const CapturedWork recorded(stream, [&] { inside.record(stream); });
  EXPECT_THROW(inside.wait(), InvalidArgument);
  EXPECT_THROW(other.view().wait(inside), InvalidArgument);
  stream.view().synchronize();
}

TEST_P(HostStreams, AnErrorInAReplayDoesNotOutliveIt) {
  const Stream main(GetParam()), side(GetParam());
  Event fork(GetParam()), join(GetParam());
  bool fail = true;
  int done = 0;
  const CapturedWork captured(main, [&] {
    fork.record(main);
    side.view().wait(fork);
    side.view().enqueue([&] {
      if (fail) throw DeviceError("planted");
    });
    join.record(side);
    main.view().wait(join);
    main.view().enqueue([&] { ++done; });
  });
  captured.launch(main);
  EXPECT_THROW(main.view().synchronize(), DeviceError);
  fail = false;
  captured.launch(main);
  main.view().synchronize();
  EXPECT_EQ(done, 1);
}

TEST_P(HostStreams, ThreadsMayShareADeviceButNotAnOrder) {
  std::vector<int> sums(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const Stream a(GetParam()), b(GetParam());
      Event event(GetParam());
      for (int i = 0; i < 200; ++i) {
        a.view().enqueue([&, t, i] { sums[static_cast<std::size_t>(t)] += i; });
        event.record(a);
        b.view().wait(event);
        b.view().enqueue([&, t] { sums[static_cast<std::size_t>(t)] += 1; });
        event.record(b);
        a.view().wait(event);
      }
      a.view().synchronize();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sums, std::vector<int>(4, 199 * 100 + 200));
}

TEST(EmulatedStream, IsLazyUntilSomebodyWaits) {
  const Stream stream(Device::emulated());
  Event event(Device::emulated());
  int done = 0;
  stream.view().enqueue([&] { ++done; });
  event.record(stream);
  stream.view().enqueue([&] { ++done; });
  EXPECT_EQ(done, 0);
  event.wait();
  EXPECT_EQ(done, 1) << "only what the event needs";
  stream.view().synchronize();
  EXPECT_EQ(done, 2);
}

TEST(EmulatedStream, AMissingEventShowsStaleData) {
  const Stream producer(Device::emulated()), consumer(Device::emulated());
  Event produced(Device::emulated());
  int value = 1, seen_without = 0, seen_with = 0;
  producer.view().enqueue([&] { value = 2; });
  produced.record(producer);
  consumer.view().enqueue([&] { seen_without = value; });  // forgot to wait
  consumer.view().wait(produced);
  consumer.view().enqueue([&] { seen_with = value; });
  consumer.view().synchronize();
  EXPECT_EQ(seen_without, 1);
  EXPECT_EQ(seen_with, 2);
}

TEST(EmulatedStream, AMissingEventShowsInAReplayToo) {
  const Stream main(Device::emulated()), side(Device::emulated());
  Event fork(Device::emulated()), join(Device::emulated());
  int value = 1, seen = 0;
  const CapturedWork captured(main, [&] {
    fork.record(main);
    side.view().wait(fork);
    side.view().enqueue([&] { value = 2; });
    main.view().enqueue([&] { seen = value; });  // before the join
    join.record(side);
    main.view().wait(join);
  });
  captured.launch(main);
  main.view().synchronize();
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(value, 2);
}

TEST(EmulatedStream, ATaskThatWaitsForItselfIsToldSo) {
  const Stream stream(Device::emulated());
  stream.view().enqueue([&] { stream.view().synchronize(); });
  EXPECT_THROW(stream.view().synchronize(), DeviceError);
}

TEST(EmulatedStream, TheDestructorRunsTheWorkAndSwallowsItsErrors) {
  int done = 0;
  {
    const Stream stream(Device::emulated());
    stream.view().enqueue([&] { ++done; });
    stream.view().enqueue([] { throw std::runtime_error("planted"); });
  }
  EXPECT_EQ(done, 1);
}

TEST(StreamView, AnEmptyViewIsRefused) {
  EXPECT_THROW(static_cast<void>(StreamView().device()), InvalidArgument);
  EXPECT_THROW(StreamView().synchronize(), InvalidArgument);
}

}  // namespace
}  // namespace fovea
