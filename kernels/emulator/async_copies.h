// async_copies.h - cp.async: copies that a thread issues, closes into groups, and waits for.
#pragma once

#include <fovea/kernels/emulator/sanitizer.h>
#include <fovea/kernels/emulator/schedule.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <vector>

namespace fovea::emulator {

/// One copy of 4, 8 or 16 bytes from global to shared memory; zeros instead where `valid` is false.
struct AsyncCopy {
  std::byte* to = nullptr;
  const std::byte* from = nullptr;
  unsigned bytes = 0;
  bool valid = true;
  std::source_location at;
};

/// The copies in flight of a block's threads. From issue to the wait that covers it a destination
/// is nobody's: it holds NaN when copies complete at the wait, and is poisoned under ASan always.
// Block keeps it from kernels that say what they access: what is inlined there is heard, too.
class AsyncCopies {
 private:
  struct Pending {
    AsyncCopy copy;
    std::uint64_t group;
  };
  // Copies of a thread, oldest first, in a ring whose size is a power of two.
  struct Queue {
    std::vector<Pending> ring = std::vector<Pending>(16);
    std::size_t first = 0, count = 0;
    std::uint64_t groups = 0;  // closed so far; the number of the open one

    const Pending& oldest() const { return ring[first & (ring.size() - 1)]; }
    void push(const Pending& p) {
      if (count == ring.size()) grow();
      ring[(first + count++) & (ring.size() - 1)] = p;
    }
    void pop() { ++first, --count; }
    void grow();
  };

 public:
  /// For the next block.
  void reset(unsigned threads, Completion completion);
  bool used() const { return used_; }

  void issue(unsigned thread, const AsyncCopy& copy) {
    used_ = true;
    if (thread >= queues_.size()) queues_.resize(thread + 1);
    unpoison(copy.to, copy.bytes);
    completion_ == Completion::at_issue ? land(copy) : fill(copy, 0xFF);
    poison(copy.to, copy.bytes);
    queues_[thread].push({copy, queues_[thread].groups});
  }
  /// Closes the copies issued since the last call into a group.
  void commit(unsigned thread) {
    if (thread < queues_.size()) ++queues_[thread].groups;
  }
  /// Completes all groups of the thread but the newest `open`.
  /// Calls landed(copy) for each of their copies.
  template <class F>
  void wait(unsigned thread, unsigned open, F&& landed) {
    if (thread >= queues_.size()) return;
    Queue& q = queues_[thread];
    for (; q.count > 0 && q.oldest().group + open < q.groups; q.pop()) {
      const AsyncCopy& copy = q.oldest().copy;
      unpoison(copy.to, copy.bytes);
      if (completion_ == Completion::at_wait) land(copy);
      landed(copy);
    }
  }
  /// A copy that nobody has waited for; nullptr where there is none.
  const AsyncCopy* unfinished(unsigned thread) const;

 private:
  static void land(const AsyncCopy& copy) {
    if (!copy.valid) return fill(copy, 0);
    switch (copy.bytes) {  // of a known size a copy is an instruction or two
      case 4:
        return static_cast<void>(std::memcpy(copy.to, copy.from, 4));
      case 8:
        return static_cast<void>(std::memcpy(copy.to, copy.from, 8));
      default:
        std::memcpy(copy.to, copy.from, 16);
    }
  }
  static void fill(const AsyncCopy& copy, int value) {
    switch (copy.bytes) {
      case 4:
        return static_cast<void>(std::memset(copy.to, value, 4));
      case 8:
        return static_cast<void>(std::memset(copy.to, value, 8));
      default:
        std::memset(copy.to, value, 16);
    }
  }

  std::vector<Queue> queues_;
  Completion completion_ = Completion::at_issue;
  bool used_ = false;
};

}  // namespace fovea::emulator
