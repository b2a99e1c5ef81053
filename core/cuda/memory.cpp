// memory.cpp - memory of a GPU, and page-locked memory of the host.
#include <fovea/core/allocation_watch.h>
#include <fovea/core/cuda/backend.h>
#include <fovea/core/cuda/check.h>
#include <fovea/core/log.h>

#include <memory>
#include <vector>

namespace fovea::cuda_backend {
namespace {

void report(cudaError_t status, const char* call) noexcept {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());
  try {
    log(LogLevel::error, std::string(call) + ": " + StatusTraits<cudaError_t>::text(status));
  } catch (...) {  // no memory even for the message
  }
}

/// cudaMalloc and cudaFree. Slow, and cudaFree waits for the whole GPU, which is what keeps the
/// stream's promise here: the upstream of a pool, not of a step.
class DeviceMemory final : public MemoryResource {
 public:
  explicit DeviceMemory(int index) : index_{index} {}

  void* allocate(std::size_t bytes, StreamView) override {
    if (bytes == 0) return nullptr;
    count_allocation();
    const CurrentDevice current(index_);
    void* p = nullptr;
    const cudaError_t status = cudaMalloc(&p, bytes);
    if (status == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());
      std::size_t free_bytes = 0, total_bytes = 0;
      FOVEA_TRY(cudaMemGetInfo(&free_bytes, &total_bytes));
      throw OutOfMemory(to_string(device()) + " has no room for " + std::to_string(bytes) +
                        " bytes: " + std::to_string(free_bytes) + " of " +
                        std::to_string(total_bytes) + " are free; use a smaller batch");
    }
    FOVEA_TRY(status);
    return p;
  }

  void deallocate(void* p, std::size_t, StreamView) noexcept override {
    if (p == nullptr) return;
    const CurrentDevice current(index_);
    report(cudaFree(p), "cudaFree");
  }

  Device device() const override { return Device::cuda(index_); }

 private:
  int index_;
};

class PinnedMemory final : public MemoryResource {
 public:
  void* allocate(std::size_t bytes, StreamView) override {
    if (bytes == 0) return nullptr;
    count_allocation();
    void* p = nullptr;
    const cudaError_t status = cudaMallocHost(&p, bytes);
    if (status == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());
      throw OutOfMemory("the host cannot lock " + std::to_string(bytes) +
                        " bytes of memory for copies to the GPU; use a smaller batch");
    }
    FOVEA_TRY(status);
    return p;
  }

  void deallocate(void* p, std::size_t, StreamView) noexcept override {
    if (p != nullptr) report(cudaFreeHost(p), "cudaFreeHost");
  }

  Device device() const override { return Device::cpu(); }
};

}  // namespace

MemoryResource& memory(int index) {
  static const std::vector<std::unique_ptr<DeviceMemory>> cards = [] {
    std::vector<std::unique_ptr<DeviceMemory>> all;
    for (int i = 0; i < device_count(); ++i) all.push_back(std::make_unique<DeviceMemory>(i));
    return all;
  }();
  if (index < 0 || static_cast<std::size_t>(index) >= cards.size()) {
    throw DeviceError("cuda:" + std::to_string(index) + " is not there: " +
                      (cards.empty()
                           ? why_no_device()
                           : "this machine has " + std::to_string(cards.size()) + " GPU(s)"));
  }
  return *cards[static_cast<std::size_t>(index)];
}

MemoryResource* pinned() noexcept {
  static PinnedMemory instance;
  return device_count() > 0 ? &instance : nullptr;
}

}  // namespace fovea::cuda_backend
