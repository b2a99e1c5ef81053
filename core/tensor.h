// tensor.h - tensors own, views travel. Dense, row major, outermost extent first (NHWC / KRSC).
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/buffer.h>
#include <fovea/core/dtype.h>
#include <fovea/core/error.h>
#include <fovea/core/shape.h>

#include <memory>
#include <string>
#include <vector>

namespace fovea {

/// Somebody else's elements, with type and shape. Trivially copyable.
struct TensorView {
  void* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;

  std::int64_t elements() const { return shape.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype); }
  explicit operator bool() const { return data != nullptr; }
  /// The elements as T. Throws InvalidArgument where the tensor holds another type.
  template <class T>
  T* as() const {
    if (dtype != dtype_of<T>) {
      throw InvalidArgument("a tensor of " + std::string(name_of(dtype)) + " is not one of " +
                            std::string(name_of(dtype_of<T>)));
    }
    return static_cast<T*>(data);
  }
};
static_assert(std::is_trivially_copyable_v<TensorView>);

/// Shares a buffer. Copying a Tensor copies no elements.
class FOVEA_API Tensor {
 public:
  Tensor() = default;
  /// Elements unset. Throws OutOfMemory.
  Tensor(const Shape& shape, DType dtype, StreamView stream, MemoryResource& resource);
  /// On the device of `stream`, from its default resource.
  Tensor(const Shape& shape, DType dtype, StreamView stream);

  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  Device device() const { return buffer_ ? buffer_->device() : Device::cpu(); }
  void* data() const { return buffer_ ? buffer_->data() : nullptr; }
  std::int64_t elements() const { return shape_.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype_); }
  TensorView view() const { return {data(), dtype_, shape_}; }
  template <class T>
  T* as() const {
    return view().as<T>();
  }
  /// The same elements under another shape. Throws InvalidArgument where the counts differ.
  Tensor reshaped(const Shape& shape) const;

 private:
  std::shared_ptr<Buffer> buffer_;
  DType dtype_ = DType::f32;
  Shape shape_;
};

/// The elements of `t` on the host; waits for `stream`.
FOVEA_API std::vector<float> to_host(const Tensor& t, StreamView stream);
/// A tensor on the device of `stream` with these elements; waits for the copy.
FOVEA_API Tensor from_host(const std::vector<float>& elements, const Shape& shape,
                           StreamView stream);

}  // namespace fovea
