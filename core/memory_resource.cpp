// memory_resource.cpp - the upstreams: aligned host memory, and the GPU's where there is one.
#include <fovea/core/allocation_watch.h>
#include <fovea/core/cuda/backend.h>
#include <fovea/core/error.h>
#include <fovea/core/log.h>
#include <fovea/core/memory_resource.h>
#include <fovea/core/stream_impl.h>

#include <new>
#include <string>

namespace fovea {
namespace {

constinit thread_local std::uint64_t allocations = 0;

void free_aligned(void* p) noexcept {
  ::operator delete (p, std::align_val_t{kAllocationAlignment});
}

class HostResource final : public MemoryResource {
 public:
  explicit HostResource(const Device& device) : device_{device} {}

  void* allocate(std::size_t bytes, StreamView) override {
    if (bytes == 0) return nullptr;
    count_allocation();
    void* p = ::operator new (bytes, std::align_val_t{kAllocationAlignment}, std::nothrow);
    if (p == nullptr) {
      throw OutOfMemory("the host has no room for " + std::to_string(bytes) + " bytes of " +
                        to_string(device_) + " memory; use a smaller batch");
    }
    return p;
  }

  void deallocate(void* p, std::size_t, StreamView stream) noexcept override {
    if (p == nullptr) return;
    // A cpu stream has run all its work; an emulated one may still hold tasks that use p.
    if (device_.kind() == DeviceKind::cpu || stream.impl() == nullptr) return free_aligned(p);
    try {
      stream.impl()->defer([p] { free_aligned(p); });
    } catch (...) {  // no memory for the note: better lost than freed under a task
      log(LogLevel::error, "memory of an emulated stream was lost: no room to note its release");
    }
  }

  Device device() const override { return device_; }

 private:
  Device device_;
};

}  // namespace

std::uint64_t allocations_of_this_thread() noexcept { return allocations; }
void count_allocation() noexcept { ++allocations; }

MemoryResource& default_resource(const Device& device) {
  static HostResource cpu{Device::cpu()};
  static HostResource emulated{Device::emulated()};
  switch (device.kind()) {
    case DeviceKind::cpu:
      return cpu;
    case DeviceKind::emulated:
      return emulated;
    case DeviceKind::cuda:
      break;
  }
  return cuda_backend::memory(device.index());
}

MemoryResource& pinned_resource() {
  MemoryResource* pinned = cuda_backend::pinned();
  return pinned != nullptr ? *pinned : default_resource(Device::cpu());
}

}  // namespace fovea
