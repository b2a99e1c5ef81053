// fiber.h - a stack with a program counter: what a CUDA thread is on the host. Switching is
// symmetric and explicit. fiber_x86_64.cpp switches by a few instructions, fiber_ucontext.cpp by
// POSIX on other processors.
#pragma once

#include <fovea/kernels/emulator/sanitizer.h>
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

  /// Whether p lies on its stack; of a flow with a stack of its own.
  bool stack_holds(const void* p) const {
    return static_cast<const std::byte*>(p) >= bottom_ &&
           static_cast<const std::byte*>(p) < static_cast<const std::byte*>(bottom_) + bytes_;
  }

  /// Leaves `from`, the running flow, and continues `to`; returns when somebody switches back.
  static void switch_to(Fiber& from, Fiber& to) {
    start_switch(&from.fake_stack_, to.bottom_, to.bytes_);
    tsan_switch(to.tsan_);
    jump(&from.context_, to.context_);
    finish_switch(from.fake_stack_);
  }

 private:
  static void jump(void** from, void* to);
  void* new_context();  // on stack_, entering begin()
  void drop_context();
  static void begin(Fiber* self);

  void* context_ = nullptr;  // where a flow that is left continues; see jump()
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
  std::unique_ptr<Stack> stack_;
  // For the sanitizers: the bounds of the stack, and what they keep of a flow that is left.
  const void* bottom_ = nullptr;
  std::size_t bytes_ = 0;
  void* fake_stack_ = nullptr;
  void* tsan_ = nullptr;
};

}  // namespace fovea::emulator
