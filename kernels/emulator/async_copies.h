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
 private:
  struct Pending {
    AsyncCopy copy;
    std::uint64_t group;
  };
  struct Queue {
    std::vector<Pending> pending;  // oldest first
    std::uint64_t groups = 0;      // closed so far; the number of the open one
  };

 public:
  /// For the next block.
  void reset(unsigned threads, Completion completion);
  bool used() const { return used_; }

  void issue(unsigned thread, const AsyncCopy& copy);
  /// Closes the copies issued since the last call into a group.
  void commit(unsigned thread);
  /// Completes all groups of the thread but the newest `open`.
  /// Calls landed(copy) for each of their copies.
  template <class F>
  void wait(unsigned thread, unsigned open, F&& landed) {
    std::vector<Pending>* pending = nullptr;
    const std::size_t done = complete(thread, open, &pending);
    if (done == 0) return;
    for (std::size_t i = 0; i < done; ++i) landed((*pending)[i].copy);
    pending->erase(pending->begin(), pending->begin() + static_cast<std::ptrdiff_t>(done));
  }
  /// A copy that nobody has waited for; nullptr where there is none.
  const AsyncCopy* unfinished(unsigned thread) const;

 private:
  std::size_t complete(unsigned thread, unsigned open, std::vector<Pending>** pending);
  void land(const AsyncCopy& copy) const;

  std::vector<Queue> queues_;
  Completion completion_ = Completion::at_issue;
  bool used_ = false;
};

}  // namespace fovea::emulator
