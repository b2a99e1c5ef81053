// clock.h - time that passes while a net is trained or measured. Internal to train/.
#pragma once

#include <algorithm>
#include <chrono>

namespace fovea {

using Clock = std::chrono::steady_clock;

/// At least a nanosecond, so that it can be divided by.
inline double seconds_since(Clock::time_point t) {
  return std::max(std::chrono::duration<double>(Clock::now() - t).count(), 1e-9);
}

}  // namespace fovea
