// guarded_memory.h - device memory between two zones that nobody may write. Internal. The zones
// hold NaN, so that reading them shows in the result.
#pragma once

#include <fovea/core/buffer.h>
#include <fovea/core/stream.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace fovea::compare {

class GuardedMemory {
 public:
  /// `bytes` bytes aligned as allocations are, all bits set: NaN as floats.
  GuardedMemory(std::size_t bytes, StreamView stream);

  void* data() const { return static_cast<std::byte*>(buffer_.data()) + kGuard; }
  /// Bytes to and from the memory between the zones; both wait for the stream.
  void upload(const std::vector<std::byte>& bytes);
  std::vector<std::byte> download() const;
  /// Whether the memory between the zones holds just these bytes.
  bool holds(const std::vector<std::byte>& bytes) const;
  /// Sets every byte between the zones to 0xff.
  void poison();
  /// "" or what was written outside.
  std::string damage() const;
  /// Whether every byte between the zones is as poison() left it.
  bool is_poisoned() const { return !touched(0, bytes_); }
  /// The first of these bytes between the zones that is not as it was at the start, from `offset`.
  std::optional<std::size_t> touched(std::size_t offset, std::size_t bytes) const;

 private:
  static constexpr std::size_t kGuard = kAllocationAlignment;
  std::size_t bytes_;
  StreamView stream_;
  Buffer buffer_;
};

}  // namespace fovea::compare
