// fiber_fcontext.cpp - fibers by boost-context: a switch saves the callee-saved registers only.
#include <fovea/kernels/emulator/fiber.h>
#include <fovea/kernels/emulator/sanitizer.h>

#include <boost/context/detail/fcontext.hpp>

#include <exception>
#include <optional>

namespace fovea::emulator {
namespace {
namespace ctx = boost::context::detail;
}

struct Fiber::Impl {
  std::optional<Stack> stack;
  ctx::fcontext_t context = nullptr;
  Entry entry = nullptr;
  void* argument = nullptr;
  // For the sanitizers: the bounds of the stack, and what they keep of a flow that is left.
  const void* bottom = nullptr;
  std::size_t bytes = 0;
  void* fake_stack = nullptr;
  void* tsan = nullptr;

  struct Jump {
    Impl* from;
    Impl* to;
  };

  static void arrive(ctx::transfer_t transfer, void* fake_stack) {
    Impl* from = static_cast<Jump*>(transfer.data)->from;
    from->context = transfer.fctx;
    finish_switch(fake_stack, &from->bottom, &from->bytes);
  }

  static void begin(ctx::transfer_t transfer) {
    Impl* self = static_cast<Jump*>(transfer.data)->to;
    arrive(transfer, nullptr);
    self->entry(self->argument);
    std::terminate();  // an entry never returns: there is nowhere to return to
  }
};

Fiber::Fiber() : impl_{std::make_unique<Impl>()} { impl_->tsan = tsan_this_fiber(); }

Fiber::Fiber(Entry entry, void* argument, std::size_t colour) : impl_{std::make_unique<Impl>()} {
  const Stack& stack = impl_->stack.emplace(colour);
  impl_->context = ctx::make_fcontext(stack.top(), stack.bytes(), Impl::begin);
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
  Impl::Jump jump{from.impl_.get(), to.impl_.get()};
  start_switch(&jump.from->fake_stack, jump.to->bottom, jump.to->bytes);
  tsan_switch(jump.to->tsan);
  const ctx::transfer_t transfer = ctx::jump_fcontext(jump.to->context, &jump);
  Impl::arrive(transfer, jump.from->fake_stack);
}

}  // namespace fovea::emulator
