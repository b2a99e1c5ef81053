// fiber_ucontext.cpp - fibers by POSIX ucontext, for machines without boost-context. Each switch
// is two system calls (the signal mask): tens of times slower, otherwise the same.
#include <fovea/kernels/emulator/fiber.h>
#include <fovea/kernels/emulator/sanitizer.h>

#include <ucontext.h>

#include <cstdint>
#include <exception>
#include <optional>

namespace fovea::emulator {

struct Fiber::Impl {
  std::optional<Stack> stack;
  ucontext_t context{};
  Entry entry = nullptr;
  void* argument = nullptr;
  // For the sanitizers: the bounds of the stack, and what they keep of a flow that is left.
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  void* fake_stack = nullptr;
  void* tsan = nullptr;
  Impl* came_from = nullptr;

  static void arrive(Impl* self, void* fake_stack) {
    finish_switch(fake_stack, &self->came_from->bottom, &self->came_from->bytes);
  }

  // makecontext passes ints only: a pointer travels as two halves.
  static void begin(unsigned high, unsigned low) {
    const auto address = (static_cast<std::uintptr_t>(high) << 32) | low;
    Impl* self = reinterpret_cast<Impl*>(address);
    arrive(self, nullptr);
    self->entry(self->argument);
    std::terminate();  // an entry never returns: there is nowhere to return to
  }
};

Fiber::Fiber() : impl_{std::make_unique<Impl>()} { impl_->tsan = tsan_this_fiber(); }

Fiber::Fiber(Entry entry, void* argument, std::size_t colour) : impl_{std::make_unique<Impl>()} {
  const Stack& stack = impl_->stack.emplace(colour);
  static_cast<void>(getcontext(&impl_->context));
  impl_->context.uc_stack.ss_sp = stack.bottom();
  impl_->context.uc_stack.ss_size = stack.bytes();
  impl_->context.uc_link = nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(impl_.get());
  makecontext(&impl_->context, reinterpret_cast<void (*)()>(Impl::begin), 2,
              static_cast<unsigned>(address >> 32), static_cast<unsigned>(address));
  impl_->entry = entry;
  impl_->argument = argument;
  impl_->bottom = stack.bottom();
  impl_->bytes = stack.bytes();
  impl_->tsan = tsan_create_fiber();
}

Fiber::~Fiber() {
  if (impl_->stack) tsan_destroy_fiber(impl_->tsan);
}

void Fiber::switch_to(Fiber& from, Fiber& to) {
  Impl* self = from.impl_.get();
  to.impl_->came_from = self;
  start_switch(&self->fake_stack, to.impl_->bottom, to.impl_->bytes);
  tsan_switch(to.impl_->tsan);
  static_cast<void>(swapcontext(&self->context, &to.impl_->context));
  Impl::arrive(self, self->fake_stack);
}

}  // namespace fovea::emulator
