// buffer.h - owned bytes.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/memory_resource.h>

#include <cstddef>
#include <utility>

namespace fovea {

/// Owns bytes of a resource; returned on the stream that used them last.
class FOVEA_API Buffer {
 public:
  Buffer() = default;
  Buffer(std::size_t bytes, StreamView stream, MemoryResource& resource)
      : resource_{&resource},
        stream_{stream},
        bytes_{bytes},
        data_{resource.allocate(bytes, stream)} {}
  Buffer(Buffer&& o) noexcept
      : resource_{o.resource_},
        stream_{o.stream_},
        bytes_{std::exchange(o.bytes_, 0)},
        data_{std::exchange(o.data_, nullptr)} {}
  Buffer& operator=(Buffer o) noexcept {
    std::swap(resource_, o.resource_);
    std::swap(stream_, o.stream_);
    std::swap(bytes_, o.bytes_);
    std::swap(data_, o.data_);
    return *this;
  }
  ~Buffer() {
    if (data_ != nullptr) resource_->deallocate(data_, bytes_, stream_);
  }

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  Device device() const { return resource_ != nullptr ? resource_->device() : Device::cpu(); }
  StreamView stream() const { return stream_; }

 private:
  MemoryResource* resource_ = nullptr;
  StreamView stream_;
  std::size_t bytes_ = 0;
  void* data_ = nullptr;
};

}  // namespace fovea
