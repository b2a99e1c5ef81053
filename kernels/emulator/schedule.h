// schedule.h - the freedom that CUDA leaves open, as a value: which thread runs next, and when
// asynchronous work completes. A correct kernel gives the same bits under every schedule.
#pragma once

#include <fovea/core/api.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

/// Order in which the threads of a block and the blocks of a grid get their turn. A thread keeps
/// its turn until it waits or ends. The seeded orders are drawn anew for each round of turns.
enum class ThreadOrder : std::uint8_t { in_order, reversed, seed_1, seed_2, seed_3 };

/// When asynchronous work is carried out: as early as it may be, at its issue, or as late, at the
/// wait that covers it. Random moments between the two find less: measured on planted bugs.
enum class Completion : std::uint8_t { at_issue, at_wait };

/// One way to run a grid.
struct Schedule {
  ThreadOrder order = ThreadOrder::in_order;
  Completion copies = Completion::at_issue;  // cp.async and its kin
  Completion matrix = Completion::at_issue;  // asynchronous matrix operations; mma.sync is not
  friend constexpr bool operator==(const Schedule&, const Schedule&) = default;
};

inline constexpr std::array kThreadOrders = {ThreadOrder::in_order, ThreadOrder::reversed,
                                             ThreadOrder::seed_1, ThreadOrder::seed_2,
                                             ThreadOrder::seed_3};

/// The full product, 5 orders x 2 x 2 = 20 schedules; the default schedule first.
FOVEA_API std::vector<Schedule> all_schedules();

/// "reversed, copies at wait, matrix at issue": for SCOPED_TRACE.
FOVEA_API std::string to_string(const Schedule& schedule);

/// While it lives, grids that the calling thread runs (an emulated stream runs its work in the
/// thread that waits for it) follow `schedule`, and their blocks run one after the other in its
/// order, so that what goes wrong goes wrong again. Nests; other threads do not see it.
class FOVEA_API ScopedSchedule {
 public:
  explicit ScopedSchedule(const Schedule& schedule);
  ~ScopedSchedule();
  ScopedSchedule(const ScopedSchedule&) = delete;
  ScopedSchedule& operator=(const ScopedSchedule&) = delete;

  /// The calling thread's innermost schedule; nullptr where there is none.
  static const Schedule* current();

 private:
  Schedule schedule_;
  const Schedule* outer_;
};

}  // namespace fovea
