#include <fovea/core/tensor.h>

namespace fovea {

Tensor::Tensor(const Shape& shape, DType dtype, StreamView stream, MemoryResource& resource)
    : dtype_{dtype}, shape_{shape} {
  const auto bytes = checked_mul(shape.elements(), static_cast<std::int64_t>(size_of(dtype)));
  buffer_ = std::make_shared<Buffer>(static_cast<std::size_t>(bytes), stream, resource);
}

Tensor::Tensor(const Shape& shape, DType dtype, StreamView stream)
    : Tensor(shape, dtype, stream, default_resource(stream.device())) {}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != elements()) {
    throw InvalidArgument("a tensor of shape " + to_string(shape_) + " cannot be seen as " +
                          to_string(shape) + ": the element counts differ");
  }
  Tensor t = *this;
  t.shape_ = shape;
  return t;
}

std::vector<float> to_host(const Tensor& t, StreamView stream) {
  std::vector<float> elements(static_cast<std::size_t>(t.elements()));
  stream.copy(elements.data(), t.as<float>(), t.bytes());
  stream.synchronize();
  return elements;
}

Tensor from_host(const std::vector<float>& elements, const Shape& shape, StreamView stream) {
  Tensor t(shape, DType::f32, stream);
  if (static_cast<std::int64_t>(elements.size()) != t.elements()) {
    throw InvalidArgument(std::to_string(elements.size()) + " elements do not fill a tensor of " +
                          to_string(shape));
  }
  stream.copy(t.data(), elements.data(), t.bytes());
  stream.synchronize();
  return t;
}

}  // namespace fovea
