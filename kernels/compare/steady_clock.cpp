#include <fovea/kernels/compare/steady_clock.h>

namespace fovea::compare {

Times measure_at_steady_clock(const std::function<double()>& clock_mhz,
                              const std::function<Times()>& measure_once) {
  constexpr double kLeastShare = 0.95;
  for (bool again = false;; again = true) {
    const double before = clock_mhz();
    Times t = measure_once();
    t.clock_before_mhz = before;
    t.clock_mhz = clock_mhz();
    t.clock_fell = before > 0 && t.clock_mhz < kLeastShare * before;
    if (!t.clock_fell || again) return t;
  }
}

}  // namespace fovea::compare
