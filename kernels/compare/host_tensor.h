// host_tensor.h - a tensor on the host: bytes with type and shape. Internal.
#pragma once

#include <fovea/core/tensor.h>

#include <cstddef>
#include <span>
#include <vector>

namespace fovea::compare {

struct HostTensor {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<std::byte> bytes;

  HostTensor() = default;
  HostTensor(DType t, const Shape& s)
      : dtype{t}, shape{s}, bytes(static_cast<std::size_t>(s.elements()) * size_of(t)) {}

  template <class T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
  bool empty() const { return bytes.empty(); }
};

}  // namespace fovea::compare
