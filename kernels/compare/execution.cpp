#include <fovea/kernels/compare/execution.h>

namespace fovea::compare {
namespace {

// f(span) of the tensor's elements in their own type.
template <class Tensor, class F>
void with_elements(Tensor& t, const F& f) {
  switch (t.dtype) {
    case DType::f32:
      return f(t.template as<float>());
    case DType::i32:
      return f(t.template as<std::int32_t>());
    case DType::u8:
      return f(t.template as<std::uint8_t>());
    case DType::bf16:
      throw InvalidArgument("tensors of a case are fp32 on the host");
  }
}

}  // namespace

std::vector<float> as_floats(const HostTensor& t) {
  std::vector<float> values;
  with_elements(t, [&](auto elements) { values.assign(elements.begin(), elements.end()); });
  return values;
}

void assign(HostTensor& t, const std::vector<float>& values) {
  with_elements(t, [&](auto elements) {
    using T = typename decltype(elements)::value_type;
    std::ranges::transform(values, elements.begin(), [](float v) { return static_cast<T>(v); });
  });
}

HostTensor narrowed(const HostTensor& t) {
  HostTensor out(DType::bf16, t.shape);
  std::ranges::transform(t.as<float>(), out.as<bf16>().begin(),
                         [](float v) { return fovea::to_bf16(v); });
  return out;
}

HostTensor widened(const HostTensor& t) {
  HostTensor out(DType::f32, t.shape);
  std::ranges::transform(t.as<bf16>(), out.as<float>().begin(), [](bf16 v) { return to_float(v); });
  return out;
}

}  // namespace fovea::compare
