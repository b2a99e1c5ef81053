// async_copies.cpp - see async_copies.h.
#include <fovea/kernels/emulator/async_copies.h>
#include <fovea/kernels/emulator/sanitizer.h>

#include <cstring>

namespace fovea::emulator {

void AsyncCopies::reset(unsigned threads, Completion completion) {
  completion_ = completion;
  if (!used_) return;
  used_ = false;
  queues_.resize(threads);
  for (Queue& q : queues_) {
    q.pending.clear();
    q.groups = 0;
  }
}

void AsyncCopies::issue(unsigned thread, const AsyncCopy& copy) {
  used_ = true;
  if (thread >= queues_.size()) queues_.resize(thread + 1);
  unpoison(copy.to, copy.bytes);
  if (completion_ == Completion::at_issue) {
    land(copy);
  } else {
    std::memset(copy.to, 0xFF, copy.bytes);
  }
  poison(copy.to, copy.bytes);
  Queue& q = queues_[thread];
  q.pending.push_back({copy, q.groups});
}

void AsyncCopies::commit(unsigned thread) {
  if (thread < queues_.size()) ++queues_[thread].groups;
}

/// Completes the copies that a wait covers, the first ones of *pending; returns how many.
std::size_t AsyncCopies::complete(unsigned thread, unsigned open, std::vector<Pending>** pending) {
  if (thread >= queues_.size()) return 0;
  Queue& q = queues_[thread];
  *pending = &q.pending;
  std::size_t done = 0;
  while (done < q.pending.size() && q.pending[done].group + open < q.groups) {
    const AsyncCopy& copy = q.pending[done++].copy;
    unpoison(copy.to, copy.bytes);
    if (completion_ == Completion::at_wait) land(copy);
  }
  return done;
}

const AsyncCopy* AsyncCopies::unfinished(unsigned thread) const {
  if (thread >= queues_.size() || queues_[thread].pending.empty()) return nullptr;
  return &queues_[thread].pending.back().copy;
}

void AsyncCopies::land(const AsyncCopy& copy) const {
  if (copy.valid) {
    std::memcpy(copy.to, copy.from, copy.bytes);
  } else {
    std::memset(copy.to, 0, copy.bytes);
  }
}

}  // namespace fovea::emulator
