// pool_resource.h - a stream-ordered pool over any resource; see docs/adr for the design.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/memory_resource.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

namespace fovea {

struct PoolOptions {
  /// The upstream is asked for at least this much at a time.
  std::size_t chunk_bytes = std::size_t{32} << 20;
  /// The pool never holds more than this of the upstream.
  std::size_t max_bytes = std::numeric_limits<std::size_t>::max();
};

/// What a pool holds, at one moment.
struct PoolUsage {
  std::size_t upstream_bytes = 0;  // held of the upstream: used and free
  std::size_t used_bytes = 0;      // handed out, each rounded up to kAllocationAlignment
  std::size_t chunks = 0;
  std::size_t free_blocks = 0;
  std::size_t largest_free = 0;
};

/// Best fit with coalescing. Memory freed on a stream is at once free for that stream; for another
/// stream when the GPU (or the emulator) has passed the free, or by letting the other stream wait
/// for it, which the pool prefers to growing. A free on a cpu stream means that the work is done:
/// the memory is free for all.
///
/// Not inside a capture: allocate() refuses, as the replays would share the memory with others;
/// what is freed there stays with its stream. Thread-safe.
class FOVEA_API PoolResource final : public MemoryResource {
 public:
  explicit PoolResource(MemoryResource& upstream, PoolOptions options = {});
  /// Waits for the streams' frees and returns everything; memory still handed out is logged.
  ~PoolResource() override;
  PoolResource(const PoolResource&) = delete;
  PoolResource& operator=(const PoolResource&) = delete;

  /// Throws OutOfMemory (with what is used, free and the limit), or InvalidArgument in a capture.
  void* allocate(std::size_t bytes, StreamView stream) override;
  void deallocate(void* p, std::size_t bytes, StreamView stream) noexcept override;
  Device device() const override;

  /// Waits for the streams' frees and returns every unused chunk to the upstream; the bytes
  /// returned.
  std::size_t release();
  PoolUsage usage() const;
  /// Throws Error where an invariant is broken. For tests: slow.
  void verify() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea
