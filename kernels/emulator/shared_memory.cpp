// shared_memory.cpp - see shared_memory.h.
#include <fovea/core/error.h>
#include <fovea/kernels/emulator/sanitizer.h>
#include <fovea/kernels/emulator/shared_memory.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace fovea::emulator {
namespace {

constexpr std::size_t kGuard = 1024;  // the strictest alignment that hardware asks of shared memory
constexpr int kFill = 0xFF;           // NaN in every floating-point type

bool all_fill(const std::byte* p, std::size_t bytes) {
  return std::all_of(p, p + bytes, [](std::byte b) { return b == std::byte{kFill}; });
}

}  // namespace

SharedMemory::~SharedMemory() {
  if (arena_ != nullptr) unpoison(arena_.get(), capacity_);
}

void SharedMemory::reset(std::size_t bytes) {
  bytes_ = bytes;
  if (bytes == 0) return;
  const std::size_t needed = kGuard + (bytes + kGuard - 1) / kGuard * kGuard + kGuard;
  if (arena_ != nullptr) unpoison(arena_.get(), capacity_);
  if (needed > capacity_) {
    arena_.reset(static_cast<std::byte*>(std::aligned_alloc(kGuard, needed)));
    capacity_ = arena_ != nullptr ? needed : 0;
    if (arena_ == nullptr) {
      throw OutOfMemory("emulator: no memory for " + std::to_string(bytes) +
                        " bytes of shared memory");
    }
    data_ = arena_.get() + kGuard;
  }
  std::memset(data_ - kGuard, kFill, kGuard + bytes + kGuard);
  poison(arena_.get(), kGuard);
  poison(data_ + bytes, capacity_ - kGuard - bytes);
}

bool SharedMemory::touches_guard(const void* p, std::size_t bytes) const {
  const auto* b = static_cast<const std::byte*>(p);
  return bytes_ != 0 && !contains(p, bytes) && b + bytes > data_ - kGuard &&
         b < data_ + bytes_ + kGuard;
}

bool SharedMemory::guards_intact() const {
  if (bytes_ == 0 || kAddressSanitizer) return true;
  return all_fill(data_ - kGuard, kGuard) && all_fill(data_ + bytes_, kGuard);
}

}  // namespace fovea::emulator
