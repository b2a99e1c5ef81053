// fiber_ucontext.cpp - fibers by POSIX ucontext, for processors without a switch of our own. Each
// switch is a system call (the signal mask): tens of times slower, otherwise the same.
#include <fovea/kernels/emulator/fiber.h>

#include <ucontext.h>

#include <cstdint>

namespace fovea::emulator {
namespace {

// makecontext passes ints only: pointers travel as halves.
void enter(unsigned begin_high, unsigned begin_low, unsigned self_high, unsigned self_low) {
  const auto pointer = [](unsigned high, unsigned low) {
    return (static_cast<std::uintptr_t>(high) << 32) | low;
  };
  auto* begin = reinterpret_cast<void (*)(void*)>(pointer(begin_high, begin_low));
  begin(reinterpret_cast<void*>(pointer(self_high, self_low)));
}

}  // namespace

void Fiber::jump(void** from, void* to) {
  if (*from == nullptr) *from = new ucontext_t;  // the host's flow, left for the first time
  static_cast<void>(swapcontext(static_cast<ucontext_t*>(*from), static_cast<ucontext_t*>(to)));
}

void* Fiber::new_context() {
  auto context = std::make_unique<ucontext_t>();
  static_cast<void>(getcontext(context.get()));
  context->uc_stack.ss_sp = stack_->bottom();
  context->uc_stack.ss_size = stack_->bytes();
  context->uc_link = nullptr;
  const auto begin = reinterpret_cast<std::uintptr_t>(&Fiber::begin);
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  makecontext(context.get(), reinterpret_cast<void (*)()>(&enter), 4,
              static_cast<unsigned>(begin >> 32), static_cast<unsigned>(begin),
              static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
  return context.release();
}

void Fiber::drop_context() { delete static_cast<ucontext_t*>(context_); }

}  // namespace fovea::emulator
