// resource_adaptors.cpp - see resource_adaptors.h.
#include <fovea/core/error.h>
#include <fovea/core/resource_adaptors.h>

#include <algorithm>
#include <string>

namespace fovea {

void* StatisticsResource::allocate(std::size_t bytes, StreamView stream) {
  void* p = upstream_.allocate(bytes, stream);
  if (p == nullptr) return p;
  const std::lock_guard lock(mutex_);
  statistics_.current_bytes += bytes;
  statistics_.total_bytes += bytes;
  statistics_.peak_bytes = std::max(statistics_.peak_bytes, statistics_.current_bytes);
  ++statistics_.allocations;
  return p;
}

void StatisticsResource::deallocate(void* p, std::size_t bytes, StreamView stream) noexcept {
  if (p == nullptr) return;
  upstream_.deallocate(p, bytes, stream);
  const std::lock_guard lock(mutex_);
  statistics_.current_bytes -= bytes;
  ++statistics_.deallocations;
}

MemoryStatistics StatisticsResource::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

void StatisticsResource::reset_peak() {
  const std::lock_guard lock(mutex_);
  statistics_.peak_bytes = statistics_.current_bytes;
}

void* LimitResource::allocate(std::size_t bytes, StreamView stream) {
  {
    const std::lock_guard lock(mutex_);
    if (bytes > limit_ - used_) {
      throw OutOfMemory("memory on " + to_string(device()) + " is limited to " +
                        std::to_string(limit_) + " bytes: " + std::to_string(used_) +
                        " are in use and " + std::to_string(bytes) +
                        " more were asked for; raise the limit or use a smaller batch");
    }
    used_ += bytes;  // before the allocation, so that two threads cannot pass together
  }
  try {
    return upstream_.allocate(bytes, stream);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
    throw;
  }
}

void LimitResource::deallocate(void* p, std::size_t bytes, StreamView stream) noexcept {
  if (p == nullptr) return;
  upstream_.deallocate(p, bytes, stream);
  const std::lock_guard lock(mutex_);
  used_ -= bytes;
}

void* FailingResource::allocate(std::size_t bytes, StreamView stream) {
  if (bytes != 0) {
    const std::lock_guard lock(mutex_);
    if (++calls_ == fail_at_) {
      throw OutOfMemory("allocation " + std::to_string(calls_) + " of " + std::to_string(bytes) +
                        " bytes was made to fail");
    }
  }
  return upstream_.allocate(bytes, stream);
}

void FailingResource::deallocate(void* p, std::size_t bytes, StreamView stream) noexcept {
  upstream_.deallocate(p, bytes, stream);
}

std::uint64_t FailingResource::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

}  // namespace fovea
