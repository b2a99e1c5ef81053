// async_copies.cpp - see async_copies.h.
#include <fovea/kernels/emulator/async_copies.h>

#include <algorithm>
#include <utility>

namespace fovea::emulator {

void AsyncCopies::Queue::grow() {
  std::vector<Pending> larger(2 * ring.size());
  for (std::size_t i = 0; i < count; ++i) larger[i] = ring[(first + i) & (ring.size() - 1)];
  ring = std::move(larger);
  first = 0;
}

void AsyncCopies::reset(unsigned threads, Completion completion) {
  completion_ = completion;
  if (!used_) return;
  used_ = false;
  queues_.resize(threads);
  for (Queue& q : queues_) q.first = q.count = q.groups = 0;
}

const AsyncCopy* AsyncCopies::unfinished(unsigned thread) const {
  if (thread >= queues_.size() || queues_[thread].count == 0) return nullptr;
  const Queue& q = queues_[thread];
  return &q.ring[(q.first + q.count - 1) & (q.ring.size() - 1)].copy;
}

}  // namespace fovea::emulator
