// memory_resource.h - where bytes come from. Resources compose: an upstream (host, pinned, cuda),
// a pool over any upstream, adaptors over any resource.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/device.h>
#include <fovea/core/stream.h>

#include <cstddef>

namespace fovea {

/// Every allocation is aligned to this, and its size may be rounded up to it: one cache line of a
/// CPU times four, one segment of a GPU.
inline constexpr std::size_t kAllocationAlignment = 256;
/// `bytes` rounded up to it.
constexpr std::size_t allocation_bytes(std::size_t bytes) {
  return (bytes + kAllocationAlignment - 1) / kAllocationAlignment * kAllocationAlignment;
}

/// A source of bytes on one device. Stream-ordered: memory freed on a stream may be handed out
/// again on that stream at once, on another only after an event. A stream outlives the memory it
/// was given for; an empty StreamView says that the caller has synchronised, and lets memory that
/// many streams share (weights) outlive them all. Thread-safe.
class FOVEA_API MemoryResource {
 public:
  virtual ~MemoryResource() = default;
  /// At least `bytes` bytes for use on `stream`. Throws OutOfMemory; then nothing has changed.
  /// nullptr for 0 bytes.
  virtual void* allocate(std::size_t bytes, StreamView stream) = 0;
  /// Gives back what allocate() gave, with the same `bytes`, after the work now on `stream`.
  virtual void deallocate(void* p, std::size_t bytes, StreamView stream) noexcept = 0;
  virtual Device device() const = 0;
};

/// The upstream for a device: aligned host memory (cpu, emulated) or cudaMalloc. Lives for ever.
FOVEA_API MemoryResource& default_resource(const Device& device);

/// Page-locked host memory for copies to a GPU; aligned host memory where there is none.
FOVEA_API MemoryResource& pinned_resource();

}  // namespace fovea
