// log_test.cpp - messages go to the sink that is set, and to nobody else.
#include <fovea/core/log.h>

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace fovea {
namespace {

class Log : public testing::Test {
 protected:
  ~Log() override { set_log_sink({}); }
};

TEST_F(Log, GoesToTheSink) {
  std::vector<std::string> seen;
  set_log_sink([&](LogLevel level, std::string_view message) {
    seen.push_back(std::to_string(static_cast<int>(level)) + std::string(message));
  });
  log(LogLevel::debug, "a");
  log(LogLevel::error, "b");
  set_log_sink({});
  log(LogLevel::error, "nobody hears this");
  EXPECT_EQ(seen, (std::vector<std::string>{"0a", "3b"}));
}

TEST_F(Log, PrintsNothingWithoutASink) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  log(LogLevel::error, "silence");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(Log, SurvivesASinkThatThrows) {
  set_log_sink([](LogLevel, std::string_view) { throw std::runtime_error("planted"); });
  log(LogLevel::error, "x");
}

TEST_F(Log, ASinkMayReplaceItself) {
  int first = 0, second = 0;
  set_log_sink([&](LogLevel, std::string_view) {
    ++first;
    set_log_sink([&](LogLevel, std::string_view) { ++second; });
  });
  log(LogLevel::info, "x");
  log(LogLevel::info, "x");
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1);
}

TEST_F(Log, ThreadsMayLogWhileTheSinkChanges) {
  std::atomic<int> heard{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 2000; ++i) log(LogLevel::info, "x");
    });
  }
  for (int i = 0; i < 200; ++i) set_log_sink([&](LogLevel, std::string_view) { ++heard; });
  for (std::thread& thread : threads) thread.join();
  log(LogLevel::info, "x");
  EXPECT_GE(heard, 1);
  EXPECT_LE(heard, 6001);
}

}  // namespace
}  // namespace fovea
