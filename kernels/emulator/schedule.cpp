// schedule.cpp - see schedule.h.
#include <fovea/kernels/emulator/schedule.h>

namespace fovea {
namespace {

constinit thread_local const Schedule* current_schedule = nullptr;

const char* name_of(ThreadOrder order) {
  switch (order) {
    case ThreadOrder::in_order:
      return "in order";
    case ThreadOrder::reversed:
      return "reversed";
    case ThreadOrder::seed_1:
      return "seed 1";
    case ThreadOrder::seed_2:
      return "seed 2";
    case ThreadOrder::seed_3:
      return "seed 3";
  }
  return "?";
}

const char* name_of(Completion c) { return c == Completion::at_issue ? "at issue" : "at wait"; }

}  // namespace

std::vector<Schedule> all_schedules() {
  std::vector<Schedule> all;
  for (const Completion copies : {Completion::at_issue, Completion::at_wait}) {
    for (const Completion matrix : {Completion::at_issue, Completion::at_wait}) {
      for (const ThreadOrder order : kThreadOrders) all.push_back({order, copies, matrix});
    }
  }
  return all;
}

std::string to_string(const Schedule& schedule) {
  return std::string(name_of(schedule.order)) + ", copies " + name_of(schedule.copies) +
         ", matrix " + name_of(schedule.matrix);
}

ScopedSchedule::ScopedSchedule(const Schedule& schedule)
    : schedule_{schedule}, outer_{current_schedule} {
  current_schedule = &schedule_;
}

ScopedSchedule::~ScopedSchedule() { current_schedule = outer_; }

const Schedule* ScopedSchedule::current() { return current_schedule; }

}  // namespace fovea
