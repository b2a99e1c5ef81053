// faults_test.cpp - one bug of each kind is planted, and must be found. A fault counts as found
// when the emulator reports it or the result is wrong; the table says which of the two, and under
// which schedules.
#include <fovea/core/error.h>
#include <fovea/kernels/emulator/sanitizer.h>
#include <fovea/kernels/emulator/schedule.h>
#include <fovea/tests/emulator/kernels/faults.h>

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace fovea {
namespace {

constexpr int kN = kFaultThreads;

/// What came of running one kernel under one schedule.
struct Outcome {
  std::string report;  // of the DeviceError, if there was one
  bool right = false;  // the result, if there was no report
  bool found() const { return !report.empty() || !right; }
};

/// One planted fault with the kernel that carries it.
struct Case {
  Fault fault;
  const char* name;
  const char* report;  // words of the message; nullptr: the result is wrong instead
  const char* asan;    // words of ASan's or UBSan's report; nullptr: these do not see it
  bool access;         // checked accesses show it under every schedule
};

/// Whether the kernels of this program are compiled to say what they access.
#ifdef FOVEA_CHECKED_KERNELS
constexpr bool kChecked = true;
#else
constexpr bool kChecked = false;
#endif

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<float> counting(int n) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) v[static_cast<std::size_t>(i)] = static_cast<float>(i + 1);
  return v;
}

/// Runs the kernel that carries `fault` (or, with `planted` false, the same kernel without it).
bool run_case(Fault fault, bool planted, StreamView stream) {
  const Fault f = planted ? fault : Fault::none;
  std::vector<float> expected(kN), y(kN, -1);
  if (fault <= Fault::small_launch) {
    const auto x = counting(kN);
    for (int i = 0; i < kN; ++i) expected[i] = x[kN - 1 - i];
    emu::run_reverse(f, x.data(), y.data(), stream);
    stream.synchronize();
  } else if (fault <= Fault::never_waited) {
    const auto x = counting(kFaultSteps * kN * 2);
    for (int i = 0; i < kFaultSteps * kN * 2; ++i) expected[i / 2 % kN ^ 1] += x[i];
    emu::run_pipeline(f, x.data(), y.data(), stream);
    stream.synchronize();
  } else if (fault <= Fault::mixed_counts) {
    expected.assign(kN, 1);
    emu::run_named(f, y.data(), stream);
    stream.synchronize();
  } else if (fault <= Fault::absent_lanes) {
    const auto x = counting(kN);
    for (int i = 0; i < kN; ++i) expected[i] = x[i ^ 1];
    emu::run_swap(f, x.data(), y.data(), stream);
    stream.synchronize();
  } else if (fault <= Fault::copy_outside) {
    alignas(16) float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    expected = {1, 2, 3, 4};
    y.assign(4, -1);
    emu::run_vector(f, x, y.data(), stream);
    stream.synchronize();
  } else {
    expected = counting(kN);
    y.insert(y.begin(), 0);
    emu::run_blocks(f, y.data() + 1, kN, stream);
    stream.synchronize();
    y.erase(y.begin());
  }
  return y == expected;
}

Outcome run(Fault fault, bool planted, const Schedule& schedule) {
  const ScopedSchedule scoped(schedule);
  const Stream stream(Device::emulated());
  Outcome out;
  try {
    out.right = run_case(fault, planted, stream);
  } catch (const DeviceError& e) {
    out.report = e.what();
  }
  return out;
}

class Faults : public testing::TestWithParam<Case> {};

TEST_P(Faults, WithoutTheFaultEveryScheduleIsRight) {
  for (const Schedule& s : all_schedules()) {
    const Outcome o = run(GetParam().fault, false, s);
    EXPECT_TRUE(o.right) << to_string(s) << ": " << o.report;
  }
}

TEST_P(Faults, IsFound) {
  const Case& c = GetParam();
  if (emulator::kAddressSanitizer && c.asan != nullptr) {
    EXPECT_DEATH(run(c.fault, true, Schedule{}), c.asan);
    EXPECT_DEATH(run(c.fault, true, Schedule{}), "emulated thread that this report is about");
    return;
  }
  int found = 0;
  for (const Schedule& s : all_schedules()) {
    const Outcome o = run(c.fault, true, s);
    found += o.found() ? 1 : 0;
    if (kChecked && c.access) {
      EXPECT_NE(o.report.find(" of shared memory, "), std::string::npos)
          << to_string(s) << ": " << o.report;
      continue;
    }
    if (c.report == nullptr) {
      EXPECT_EQ(o.report, "") << to_string(s);
      continue;
    }
    EXPECT_NE(o.report.find(c.report), std::string::npos) << to_string(s) << ": " << o.report;
    EXPECT_NE(o.report.find("faults.cu:"), std::string::npos) << "no place: " << o.report;
    EXPECT_NE(o.report.find("block (0,0,0)"), std::string::npos) << o.report;
  }
  EXPECT_GT(found, 0);
  RecordProperty("schedules_that_find_it", found);
}

constexpr const char* kPoison = "use-after-poison";

const Case kCases[] = {
    {Fault::missing_barrier, "missing_barrier", nullptr, nullptr, true},
    {Fault::divergent_barrier, "divergent_barrier", "divergent barrier", nullptr, false},
    {Fault::early_exit, "early_exit", "missing barrier", nullptr, false},
    {Fault::unwritten_read, "unwritten_read", nullptr, nullptr, true},
    {Fault::overrun_write, "overrun_write", "outside its shared memory", kPoison, true},
    {Fault::overrun_read, "overrun_read", nullptr, kPoison, true},
    {Fault::small_launch, "small_launch", "the launch gave 252", nullptr, false},
    {Fault::no_wait, "no_wait", nullptr, kPoison, true},
    {Fault::short_wait, "short_wait", nullptr, kPoison, true},
    {Fault::early_reuse, "early_reuse", nullptr, kPoison, true},
    {Fault::wait_without_barrier, "wait_without_barrier", nullptr, kPoison, true},
    {Fault::never_waited, "never_waited", "without waiting for this asynchronous copy", nullptr,
     true},
    {Fault::crossed_barriers, "crossed_barriers", "deadlock", nullptr, false},
    {Fault::mixed_counts, "mixed_counts", "barrier 1", nullptr, false},
    {Fault::divergent_shuffle, "divergent_shuffle", "divergent warp operation", nullptr, false},
    {Fault::unnamed_lane, "unnamed_lane", "which the mask does not name", nullptr, false},
    {Fault::absent_lanes, "absent_lanes", "lanes that do not exist", nullptr, false},
    {Fault::misaligned_load, "misaligned_load", "misaligned access", nullptr, false},
    {Fault::misaligned_copy, "misaligned_copy", "misaligned access", nullptr, false},
    {Fault::copy_outside, "copy_outside", "outside the block's shared memory", nullptr, false},
    {Fault::block_order, "block_order", nullptr, nullptr, false},
};

INSTANTIATE_TEST_SUITE_P(OfEachKind, Faults, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

/// How many schedules with this completion of copies find the fault.
int found_by_orders(Fault fault, Completion copies) {
  int found = 0;
  for (const ThreadOrder order : kThreadOrders) {
    found += run(fault, true, {.order = order, .copies = copies}).found() ? 1 : 0;
  }
  return found;
}

TEST(FaultsUnderCompletion, ThreadOrderAloneIsBlindToMissingWaits) {
  if (emulator::kAddressSanitizer) GTEST_SKIP() << "ASan aborts at the first such read";
  if (kChecked) GTEST_SKIP() << "checked accesses find it under every schedule";
  for (const Fault fault : {Fault::no_wait, Fault::short_wait}) {
    EXPECT_EQ(found_by_orders(fault, Completion::at_issue), 0);
    EXPECT_EQ(found_by_orders(fault, Completion::at_wait), 5);
  }
}

TEST(FaultsUnderCompletion, OrdersFindMissingBarriers) {
  if (emulator::kAddressSanitizer) GTEST_SKIP() << "ASan aborts at the first such read";
  for (const Fault fault : {Fault::early_reuse, Fault::wait_without_barrier}) {
    EXPECT_GT(found_by_orders(fault, Completion::at_wait), 0);
  }
}

TEST(FaultReports, NameKernelBlockThreadAndPlace) {
  const Outcome o = run(Fault::misaligned_load, true, Schedule{});
  for (const char* word : {"run_vector", "block (0,0,0)", "thread (0,0,0)", "faults.cu:"}) {
    EXPECT_NE(o.report.find(word), std::string::npos) << word << " in: " << o.report;
  }
}

TEST(FaultReports, ADeadlockSaysWhatEachThreadWaitsFor) {
  const std::string report = run(Fault::crossed_barriers, true, Schedule{}).report;
  EXPECT_NE(report.find("32 threads from (0,0,0) at barrier 1 at"), std::string::npos) << report;
  EXPECT_NE(report.find("32 threads from (32,0,0) at barrier 2 at"), std::string::npos) << report;
}

TEST(FaultReports, AMissingBarrierSaysWhoEnded) {
  const std::string report = run(Fault::early_exit, true, Schedule{}).report;
  EXPECT_NE(report.find("63 threads from (0,0,0) at __syncthreads()"), std::string::npos) << report;
  EXPECT_NE(report.find("1 thread (7,0,0) ended"), std::string::npos) << report;
}

TEST(FaultReports, AFaultLeavesTheEmulatorUsable) {
  for (const Case& c : kCases) {
    if (emulator::kAddressSanitizer && c.asan != nullptr) continue;
    static_cast<void>(run(c.fault, true, Schedule{}));
    EXPECT_TRUE(run(c.fault, false, Schedule{}).right) << c.name;
  }
}

TEST(FaultReports, ComeOutWhereTheStreamIsWaitedFor) {
  const Stream stream(Device::emulated());
  std::vector<float> y(kN);
  emu::run_named(Fault::crossed_barriers, y.data(), stream);  // throws nothing: nothing has run
  EXPECT_THROW(stream.view().synchronize(), DeviceError);
  emu::run_named(Fault::none, y.data(), stream);
  EXPECT_NO_THROW(stream.view().synchronize());
  EXPECT_EQ(y, std::vector<float>(kN, 1));
}

TEST(FaultReports, AreTheSameEveryTime) {
  for (const Schedule& s : all_schedules()) {
    EXPECT_EQ(run(Fault::early_exit, true, s).report, run(Fault::early_exit, true, s).report);
  }
}

}  // namespace
}  // namespace fovea
