// step_timing_test.cpp - the parts of a step are all of it.
#include <fovea/core/error.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/train/step_timing.h>
#include <gtest/gtest.h>

#include "tiny.h"

namespace fovea {
namespace {

StepTiming timing_on(const Device& device, int steps) {
  const Recipe r = test::tiny_recipe();
  Executor e(r, 3, Preprocessing::none(r.input), default_registry(), {.device = device});
  const Executor::PlanId training = e.add_training(r.train.batch);
  e.allocate();
  return time_step(e, training, r.train.batch, steps);
}

TEST(StepTiming, PartsAreEveryLaunchAndAddUpExactly) {
  const Recipe r = test::tiny_recipe();
  Executor e(r, 3, Preprocessing::none(r.input), default_registry(), {.device = Device::cpu()});
  const Executor::PlanId training = e.add_training(r.train.batch);
  e.allocate();
  const StepTiming t = time_step(e, training, r.train.batch, 5);
  const std::vector<PlanRow>& rows = e.plan(training).rows();
  ASSERT_EQ(t.parts.size(), rows.size() + 1);
  std::int64_t sum = t.parts[0].ns;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const StepPart& p = t.parts[i + 1];
    EXPECT_EQ(p.layer, rows[i].layer);
    EXPECT_EQ(p.op, rows[i].kind);
    EXPECT_EQ(p.engine, rows[i].choice.engine);
    EXPECT_GE(p.ns, 0) << p.layer;
    sum += p.ns;
  }
  EXPECT_EQ(sum, t.launched_ns);
  EXPECT_GT(t.launched_ns, 0);
  EXPECT_LE(t.replayed_p10_ns, t.replayed_ns);
  EXPECT_LE(t.replayed_ns, t.replayed_p90_ns);
}

TEST(StepTiming, RefusesWhatSaysNothing) {
  EXPECT_THROW(timing_on(Device::emulated(), 5), InvalidArgument);
  EXPECT_THROW(timing_on(Device::cpu(), 0), InvalidArgument);
}

TEST(Executor, RefusesMarksThatAreNotOneForEachLaunch) {
  const Recipe r = test::tiny_recipe();
  Executor e(r, 3, Preprocessing::none(r.input), default_registry(), {.device = Device::cpu()});
  const Executor::PlanId training = e.add_training(r.train.batch);
  e.allocate();
  std::vector<Event> marks;
  marks.emplace_back(Device::cpu(), true);
  EXPECT_THROW(e.enqueue_marked(training, {}, {}, marks), InvalidArgument);
}

}  // namespace
}  // namespace fovea
