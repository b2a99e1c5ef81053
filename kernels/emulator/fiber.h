// fiber.h - a stack with a program counter: what a CUDA thread is on the host. Switching is
// symmetric and explicit; fiber_fcontext.cpp carries it by boost-context, fiber_ucontext.cpp by
// POSIX where that is missing.
#pragma once

#include <fovea/kernels/emulator/stack.h>

#include <cstddef>
#include <memory>

namespace fovea::emulator {

/// One flow of control. Belongs to the host thread that made it.
class Fiber {
 public:
  using Entry = void (*)(void* argument);

  /// The calling host thread's own flow.
  Fiber();
  /// A flow on a stack of its own that begins with `entry(argument)` at the first switch to it.
  /// `entry` must not return and must not let an exception out. Throws OutOfMemory.
  Fiber(Entry entry, void* argument, std::size_t colour);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Leaves `from`, the running flow, and continues `to`; returns when somebody switches back.
  static void switch_to(Fiber& from, Fiber& to);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::emulator
