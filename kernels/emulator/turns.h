// turns.h - the hot path of block.h: a change of turn costs little more than the switch of stacks
// because all of it is compiled into the operation that waits.
#pragma once

#include <fovea/kernels/emulator/block.h>
#include <fovea/kernels/emulator/builtins.h>

namespace fovea::emulator {

/// Unwinds a thread whose block has failed. Only Block::run_threads() catches it.
struct Cancelled {};

/// The next thread that can run; kNone at a standstill.
inline unsigned Block::pick() {
  if (runnable_ == 0) return kNone;
  for (;;) {
    while (turn_ < count_) {
      const unsigned t = order_[turn_++];
      if (state_[t] <= State::ready) return t;
    }
    new_round();
  }
}

/// Makes `thread` the current one; the caller continues on its fiber, or starts it.
inline void Block::enter(unsigned thread) {
  --runnable_;
  current_ = thread;
  emu::threadIdx = position_[thread];
}

inline void Block::wake(unsigned thread) {
  state_[thread] = State::ready;
  ++runnable_;
}

/// Gives the turn away; returns when the thread has it again.
inline void Block::suspend() {
  const unsigned self = current_;
  const unsigned next = pick();
  if (next == kNone) stall();
  if (next == self) return enter(self);
  Fiber& from = *running_fiber_;
  fiber_[self] = &from;
  Fiber& to = state_[next] == State::unstarted ? idle_fiber() : *fiber_[next];
  enter(next);
  running_fiber_ = &to;
  Fiber::switch_to(from, to);
  if (cancelled_) throw Cancelled{};
}

/// The current thread waits until wake().
inline void Block::wait(const char* what, const Site& at) {
  state_[current_] = State::waiting;
  wait_[current_] = {what, at};
  suspend();
}

}  // namespace fovea::emulator
