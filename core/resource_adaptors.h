// resource_adaptors.h - resources over a resource: counting, limiting, failing on purpose.
// Each outlives the memory it handed out, and its upstream outlives it.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/memory_resource.h>

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace fovea {

/// What passed through a StatisticsResource. Bytes as they were asked for.
struct MemoryStatistics {
  std::size_t current_bytes = 0;
  std::size_t peak_bytes = 0;
  std::size_t total_bytes = 0;    // of all allocations
  std::uint64_t allocations = 0;  // that succeeded; those of 0 bytes do not count
  std::uint64_t deallocations = 0;
};

/// Counts.
class FOVEA_API StatisticsResource final : public MemoryResource {
 public:
  explicit StatisticsResource(MemoryResource& upstream) : upstream_{upstream} {}
  void* allocate(std::size_t bytes, StreamView stream) override;
  void deallocate(void* p, std::size_t bytes, StreamView stream) noexcept override;
  Device device() const override { return upstream_.device(); }

  MemoryStatistics statistics() const;
  /// From now on the peak is that of what follows.
  void reset_peak();

 private:
  MemoryResource& upstream_;
  mutable std::mutex mutex_;
  MemoryStatistics statistics_;
};

/// Throws OutOfMemory where more than `limit` bytes would be handed out at once.
class FOVEA_API LimitResource final : public MemoryResource {
 public:
  LimitResource(MemoryResource& upstream, std::size_t limit) : upstream_{upstream}, limit_{limit} {}
  void* allocate(std::size_t bytes, StreamView stream) override;
  void deallocate(void* p, std::size_t bytes, StreamView stream) noexcept override;
  Device device() const override { return upstream_.device(); }

 private:
  MemoryResource& upstream_;
  const std::size_t limit_;
  std::mutex mutex_;
  std::size_t used_ = 0;
};

/// Throws OutOfMemory at the n-th allocation, once; for tests of what a failure leaves behind.
class FOVEA_API FailingResource final : public MemoryResource {
 public:
  /// `fail_at` counts from 1; 0 never fails.
  FailingResource(MemoryResource& upstream, std::uint64_t fail_at)
      : upstream_{upstream}, fail_at_{fail_at} {}
  void* allocate(std::size_t bytes, StreamView stream) override;
  void deallocate(void* p, std::size_t bytes, StreamView stream) noexcept override;
  Device device() const override { return upstream_.device(); }

  /// Allocations asked for so far, the failed one too; those of 0 bytes do not count.
  std::uint64_t calls() const;

 private:
  MemoryResource& upstream_;
  const std::uint64_t fail_at_;
  mutable std::mutex mutex_;
  std::uint64_t calls_ = 0;
};

}  // namespace fovea
