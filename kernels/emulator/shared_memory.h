// shared_memory.h - the shared memory of one block, between guard zones.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace fovea::emulator {

/// Bytes that are NaN (as fp32, bf16 and fp64; -1 as an integer) until somebody writes them, with a
/// guard zone at both ends: writes there are found at the block's end, under ASan at once.
class SharedMemory {
 public:
  SharedMemory() = default;
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  /// Fresh memory for the next block. Throws OutOfMemory.
  void reset(std::size_t bytes);
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  /// Whether [p, p + bytes) lies inside.
  bool contains(const void* p, std::size_t bytes) const {
    const auto* b = static_cast<const std::byte*>(p);
    return bytes_ != 0 && b >= data_ && b + bytes <= data_ + bytes_;
  }
  /// Whether [p, p + bytes) lies in a guard zone, or partly.
  bool touches_guard(const void* p, std::size_t bytes) const;
  /// Whether the guard zones are as reset() left them.
  bool guards_intact() const;

 private:
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> arena_;
  std::size_t capacity_ = 0;
  std::byte* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace fovea::emulator
