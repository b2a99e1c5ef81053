// fiber_x86_64.cpp - a switch of stacks under the System V ABI for AMD64: the six registers that a
// call preserves go to the old stack and come from the new one. The control words of x87 and SSE
// are left alone: kernels do not change them.
//
// Why not boost-context: its switch ends in an indirect jump, which leaves the processor's return
// predictor one entry off, so that every return after it is mispredicted. Ending in `ret`, and
// leaving from one place, all returns are predicted: see docs/emulator.md for the measurement.
#include <fovea/kernels/emulator/fiber.h>

#include <cstdint>

asm(R"(
.text
.p2align 4
.type fovea_emulator_jump, @function
fovea_emulator_jump:                 # (void** from, void* to)
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size fovea_emulator_jump, .-fovea_emulator_jump

.p2align 4
.type fovea_emulator_first, @function
fovea_emulator_first:                # a new flow: rbx = begin, rbp = its argument
  movq %rbp, %rdi
  xorl %ebp, %ebp
  call *%rbx
  ud2
.size fovea_emulator_first, .-fovea_emulator_first
)");

extern "C" {
__attribute__((visibility("hidden"))) void fovea_emulator_jump(void** from, void* to);
__attribute__((visibility("hidden"))) void fovea_emulator_first();
}

namespace fovea::emulator {

void Fiber::jump(void** from, void* to) { fovea_emulator_jump(from, to); }

void* Fiber::new_context() {
  // The stack as jump() leaves it, lowest address first: r15 r14 r13 r12 rbx rbp, return address.
  const auto top = reinterpret_cast<std::uintptr_t>(stack_->top()) & ~std::uintptr_t{15};
  auto** sp = reinterpret_cast<void**>(top) - 7;
  sp[0] = sp[1] = sp[2] = sp[3] = nullptr;
  sp[4] = reinterpret_cast<void*>(&Fiber::begin);
  sp[5] = this;
  sp[6] = reinterpret_cast<void*>(&fovea_emulator_first);  // runs with the stack at `top`
  return sp;
}

void Fiber::drop_context() {}

}  // namespace fovea::emulator
