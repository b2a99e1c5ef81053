// steady_clock.h - times that count only where the card kept its clock. Internal.
#pragma once

#include <fovea/kernels/compare/row.h>

#include <functional>

namespace fovea::compare {

/// What `measure_once` finds, with the clock before and after it. Where the clock fell by more than
/// 5 % it measures once more, and marks what it finds where it fell again. `clock_mhz` gives 0
/// where the clock is not known.
Times measure_at_steady_clock(const std::function<double()>& clock_mhz,
                              const std::function<Times()>& measure_once);

}  // namespace fovea::compare
