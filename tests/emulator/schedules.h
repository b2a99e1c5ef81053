// schedules.h - schedules as test parameters.
#pragma once

#include <fovea/kernels/emulator/schedule.h>

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace fovea {

inline void PrintTo(const Schedule& schedule, std::ostream* out) { *out << to_string(schedule); }

/// A schedule as the end of a test's name: "reversed_copies_at_wait_matrix_at_issue".
inline std::string schedule_name(const testing::TestParamInfo<Schedule>& test) {
  std::string name = to_string(test.param);
  std::erase(name, ',');
  for (char& c : name) {
    if (c == ' ') c = '_';
  }
  return name;
}

}  // namespace fovea
