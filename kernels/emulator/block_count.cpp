// block_count.cpp - counted accesses of a block's threads. See counts.h.
#include <fovea/kernels/emulator/block.h>
#include <fovea/kernels/emulator/builtins.h>
#include <fovea/kernels/emulator/count_sample.h>

namespace fovea::emulator {

std::uintptr_t place_of(const Site& at) {
  // Code lies far apart from the string, and a file has fewer columns and lines than this.
  return reinterpret_cast<std::uintptr_t>(at.file_name()) + std::uintptr_t{at.line()} * 256 +
         at.column() % 256;
}

void Block::count_access(const void* p, std::size_t bytes, Access kind, std::uintptr_t place) {
  const auto address = reinterpret_cast<std::uintptr_t>(p);
  const auto within = [address](const void* begin, std::size_t size) {
    return address - reinterpret_cast<std::uintptr_t>(begin) < size;
  };
  if (within(shared_.data(), shared_.bytes())) {
    const auto offset = address - reinterpret_cast<std::uintptr_t>(shared_.data());
    return counter_.access(current_, Space::shared, offset, bytes, kind, place);
  }
  // The stack is registers; parameters come from constant memory, threadIdx and its kin from
  // special registers; the block itself is ours.
  if (running_fiber_->stack_holds(p) || within(call_->closure, call_->closure_bytes) ||
      within(&emu::threadIdx, sizeof(emu::threadIdx)) ||
      within(&emu::blockIdx, sizeof(emu::blockIdx)) ||
      within(&emu::blockDim, sizeof(emu::blockDim)) ||
      within(&emu::gridDim, sizeof(emu::gridDim)) || within(this, sizeof(*this)) ||
      within(&running_, sizeof(running_))) {
    return;
  }
  counter_.access(current_, Space::global, address, bytes, kind, place);
}

void Block::count_copy(const AsyncCopy& copy) {
  if (copy.valid) count_access(copy.from, copy.bytes, Access::read, place_of(copy.at));
  count_access(copy.to, copy.bytes, Access::write, place_of(copy.at));
}

}  // namespace fovea::emulator
