// fiber.cpp - what fibers of both kinds share. See fiber.h.
#include <fovea/kernels/emulator/fiber.h>

#include <exception>

namespace fovea::emulator {

Fiber::Fiber() : tsan_{tsan_this_fiber()} {
  host_stack(&bottom_, &bytes_);
  context_ = nullptr;
}

Fiber::Fiber(Entry entry, void* argument, std::size_t colour)
    : entry_{entry},
      argument_{argument},
      stack_{std::make_unique<Stack>(colour)},
      bottom_{stack_->bottom()},
      bytes_{stack_->bytes()},
      tsan_{tsan_create_fiber()} {
  context_ = new_context();
}

Fiber::~Fiber() {
  drop_context();
  if (stack_ != nullptr) tsan_destroy_fiber(tsan_);
}

void Fiber::begin(Fiber* self) {
  finish_switch(nullptr);
  self->entry_(self->argument_);
  std::terminate();  // an entry never returns: there is nowhere to return to
}

}  // namespace fovea::emulator
