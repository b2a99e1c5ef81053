// async_copies.h - cp.async: copies that a thread issues, closes into groups, and waits for.
#pragma once

#include <fovea/kernels/emulator/schedule.h>

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <vector>

namespace fovea::emulator {

/// One copy from global to shared memory; zeros instead where `valid` is false.
struct AsyncCopy {
  std::byte* to = nullptr;
  const std::byte* from = nullptr;
  unsigned bytes = 0;
  bool valid = true;
  std::source_location at;
};

/// The copies in flight of a block's threads. From issue to the wait that covers it a destination
/// is nobody's: it holds NaN when copies complete at the wait, and is poisoned under ASan always.
class AsyncCopies {
 public:
  /// For the next block.
  void reset(unsigned threads, Completion completion);
  bool used() const { return used_; }

  void issue(unsigned thread, const AsyncCopy& copy);
  /// Closes the copies issued since the last call into a group.
  void commit(unsigned thread);
  /// Completes all groups of the thread but the newest `open`.
  void wait(unsigned thread, unsigned open);
  /// A copy that nobody has waited for; nullptr where there is none.
  const AsyncCopy* unfinished(unsigned thread) const;

 private:
  struct Pending {
    AsyncCopy copy;
    std::uint64_t group;
  };
  struct Queue {
    std::vector<Pending> pending;  // oldest first
    std::uint64_t groups = 0;      // closed so far; the number of the open one
  };

  void land(const AsyncCopy& copy) const;

  std::vector<Queue> queues_;
  Completion completion_ = Completion::at_issue;
  bool used_ = false;
};

}  // namespace fovea::emulator
