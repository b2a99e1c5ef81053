// access_checker_test.cpp - what counts as a race, access by access.
#include <fovea/kernels/emulator/access_checker.h>

#include <gtest/gtest.h>

namespace fovea::emulator {
namespace {

using Kind = AccessFault::Kind;

/// Four threads, 64 bytes.
class AccessCheckerTest : public testing::Test {
 protected:
  AccessCheckerTest() { checker_.reset(64, 4); }
  Kind read(unsigned thread, std::size_t at = 0, std::size_t bytes = 4) {
    return checker_.access(thread, at, bytes, Access::read).kind;
  }
  Kind write(unsigned thread, std::size_t at = 0, std::size_t bytes = 4) {
    return checker_.access(thread, at, bytes, Access::write).kind;
  }
  Kind update(unsigned thread) { return checker_.access(thread, 0, 4, Access::atomic).kind; }
  AccessChecker checker_;
};

TEST_F(AccessCheckerTest, ReadsOfTheUnwritten) {
  EXPECT_EQ(read(0), Kind::unwritten);
  EXPECT_EQ(write(0, 4), Kind::none);
  EXPECT_EQ(read(0, 4), Kind::none);
  const AccessFault fault = checker_.access(0, 4, 8, Access::read);
  EXPECT_EQ(fault.kind, Kind::unwritten);
  EXPECT_EQ(fault.byte, 8U);
}

TEST_F(AccessCheckerTest, AThreadDoesNotRaceWithItself) {
  EXPECT_EQ(write(1), Kind::none);
  EXPECT_EQ(read(1), Kind::none);
  EXPECT_EQ(write(1), Kind::none);
}

TEST_F(AccessCheckerTest, AWriteRacesWithWhatFollowsUntilTheBarrier) {
  EXPECT_EQ(write(1), Kind::none);
  const AccessFault fault = checker_.access(2, 0, 4, Access::read);
  EXPECT_EQ(fault.kind, Kind::race_with_write);
  EXPECT_EQ(fault.other, 1U);
  EXPECT_EQ(write(3), Kind::race_with_write);
  checker_.meet_all();
  EXPECT_EQ(read(2), Kind::none);
  EXPECT_EQ(read(0), Kind::none);
}

TEST_F(AccessCheckerTest, AWriteRacesWithReadsBeforeIt) {
  write(0);
  checker_.meet_all();
  EXPECT_EQ(read(1), Kind::none);
  EXPECT_EQ(read(2), Kind::none);
  const AccessFault fault = checker_.access(2, 0, 4, Access::write);
  EXPECT_EQ(fault.kind, Kind::race_with_read);
  EXPECT_EQ(fault.other, 1U);
}

TEST_F(AccessCheckerTest, ABarrierOrdersReadsBeforeWrites) {
  write(0);
  checker_.meet_all();
  read(1);
  read(2);
  checker_.meet_all();
  EXPECT_EQ(write(3), Kind::none);
}

TEST_F(AccessCheckerTest, AMeetingOrdersOnlyThoseWhoMeet) {
  write(0);
  checker_.meet({0, 1});
  EXPECT_EQ(read(1), Kind::none);
  EXPECT_EQ(read(2), Kind::race_with_write);
}

TEST_F(AccessCheckerTest, MeetingsPassOnWhatTheyKnow) {
  write(0);
  checker_.meet({0, 1});
  checker_.meet({1, 2});
  EXPECT_EQ(read(2), Kind::none);
  EXPECT_EQ(read(3), Kind::race_with_write);
}

TEST_F(AccessCheckerTest, WhatComesAfterTheMeetingRaces) {
  checker_.meet({0, 1});
  write(0);
  EXPECT_EQ(read(1), Kind::race_with_write);
}

TEST_F(AccessCheckerTest, WhoOnlyArrivesGivesAndDoesNotTake) {
  write(0, 0);
  write(1, 4);
  std::vector<std::uint32_t> past;
  checker_.give(0, past);  // 0 arrives and goes on
  checker_.give(1, past);
  checker_.take(1, past);  // 1 waits
  EXPECT_EQ(read(1, 0), Kind::none);
  EXPECT_EQ(read(0, 4), Kind::race_with_write);
}

TEST_F(AccessCheckerTest, AtomicsRaceWithPlainAccessesOnly) {
  write(0);
  checker_.meet_all();
  EXPECT_EQ(update(1), Kind::none);
  EXPECT_EQ(update(2), Kind::none);
  EXPECT_EQ(read(3), Kind::race_with_write);
  checker_.meet_all();
  EXPECT_EQ(read(3), Kind::none);
}

TEST_F(AccessCheckerTest, ACopyInFlightBelongsToNobody) {
  EXPECT_EQ(checker_.copy_issued(0, 0, 16).kind, Kind::none);
  EXPECT_EQ(read(0, 8), Kind::in_flight);
  checker_.copy_landed(0, 0, 16);
  EXPECT_EQ(read(0, 4), Kind::none);
  EXPECT_EQ(read(1, 4), Kind::race_with_write);
  checker_.meet_all();
  EXPECT_EQ(read(1, 12), Kind::none);
}

TEST_F(AccessCheckerTest, ACopyRacesWithReadersOfItsStage) {
  write(0);
  checker_.meet_all();
  read(1);
  EXPECT_EQ(checker_.copy_issued(2, 0, 16).kind, Kind::race_with_read);
}

TEST_F(AccessCheckerTest, NeighboursInAWordAreApart) {
  EXPECT_EQ(write(0, 0, 2), Kind::none);
  EXPECT_EQ(write(1, 2, 2), Kind::none);
  EXPECT_EQ(write(2, 3, 1), Kind::race_with_write);
  checker_.meet_all();
  EXPECT_EQ(read(3, 0, 4), Kind::none);
  EXPECT_EQ(write(0, 0, 2), Kind::race_with_read);
}

TEST_F(AccessCheckerTest, ASplitWordKeepsItsPast) {
  EXPECT_EQ(write(0, 0, 4), Kind::none);
  EXPECT_EQ(read(1, 1, 1), Kind::race_with_write);
}

TEST_F(AccessCheckerTest, TheNextBlockStartsAfresh) {
  write(0);
  write(1, 8, 1);
  checker_.reset(64, 4);
  EXPECT_EQ(read(1), Kind::unwritten);
  EXPECT_EQ(read(1, 8, 1), Kind::unwritten);
}

}  // namespace
}  // namespace fovea::emulator
