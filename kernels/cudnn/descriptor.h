// descriptor.h - a descriptor of cuDNN's graph API with one owner. Every call is checked; what
// fails says which call on which descriptor.
#pragma once

#include <fovea/kernels/cudnn/cudnn_api.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace fovea::cudnn {

/// The type that cuDNN wants named beside a pointer to T.
template <cudnnBackendAttributeType_t kType>
using Is = std::integral_constant<cudnnBackendAttributeType_t, kType>;
template <class T>
struct AttributeType;
template <>
struct AttributeType<void*> : Is<CUDNN_TYPE_VOID_PTR> {};
template <>
struct AttributeType<cudnnHandle_t> : Is<CUDNN_TYPE_HANDLE> {};
template <>
struct AttributeType<cudnnDataType_t> : Is<CUDNN_TYPE_DATA_TYPE> {};
template <>
struct AttributeType<bool> : Is<CUDNN_TYPE_BOOLEAN> {};
template <>
struct AttributeType<std::int64_t> : Is<CUDNN_TYPE_INT64> {};
template <>
struct AttributeType<float> : Is<CUDNN_TYPE_FLOAT> {};
template <>
struct AttributeType<cudnnConvolutionMode_t> : Is<CUDNN_TYPE_CONVOLUTION_MODE> {};
template <>
struct AttributeType<cudnnBackendHeurMode_t> : Is<CUDNN_TYPE_HEUR_MODE> {};
template <>
struct AttributeType<cudnnBackendKnobType_t> : Is<CUDNN_TYPE_KNOB_TYPE> {};
template <>
struct AttributeType<cudnnBackendNumericalNote_t> : Is<CUDNN_TYPE_NUMERICAL_NOTE> {};
template <>
struct AttributeType<cudnnPointwiseMode_t> : Is<CUDNN_TYPE_POINTWISE_MODE> {};

template <class T>
inline constexpr cudnnBackendAttributeType_t kAttributeType = AttributeType<T>::value;

/// Move-only. Throws Unsupported or DeviceError as CudnnApi::check(); the destructor is silent.
class Descriptor {
 public:
  using Name = cudnnBackendAttributeName_t;

  /// The api must outlive the descriptor.
  Descriptor(const CudnnApi& api, cudnnBackendDescriptorType_t type);
  Descriptor(Descriptor&& o) noexcept
      : api_{o.api_}, type_{o.type_}, raw_{std::exchange(o.raw_, nullptr)} {}
  Descriptor& operator=(Descriptor o) noexcept {
    std::swap(api_, o.api_);
    std::swap(type_, o.type_);
    std::swap(raw_, o.raw_);
    return *this;
  }
  ~Descriptor();

  template <class T>
  Descriptor& set(Name name, const T& value) {
    return set_raw(name, kAttributeType<T>, 1, &value);
  }
  template <class T>
  Descriptor& set(Name name, const std::vector<T>& values) {
    return set_raw(name, kAttributeType<T>, static_cast<std::int64_t>(values.size()),
                   values.data());
  }
  Descriptor& set(Name name, const Descriptor& value) {
    return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.raw_);
  }
  Descriptor& set(Name name, const std::vector<const Descriptor*>& values);
  Descriptor& finalize();

  /// The attribute, one value.
  template <class T>
  T get(Name name) const {
    T value{};
    std::int64_t count = 0;
    get_raw(name, kAttributeType<T>, 1, &count, &value);
    return value;
  }
  /// Up to `most` values.
  template <class T>
  std::vector<T> get_all(Name name, std::int64_t most) const {
    std::vector<T> values(static_cast<std::size_t>(most));
    std::int64_t count = 0;
    get_raw(name, kAttributeType<T>, most, &count, values.data());
    values.resize(static_cast<std::size_t>(std::min(count, most)));
    return values;
  }
  /// Descriptors of `type`, up to `most`: cuDNN fills those that it is given.
  std::vector<Descriptor> get_descriptors(Name name, cudnnBackendDescriptorType_t type,
                                          std::int64_t most) const;
  /// How many descriptors an attribute holds.
  std::int64_t count_descriptors(Name name) const;

  cudnnBackendDescriptor_t get() const noexcept { return raw_; }

 private:
  Descriptor& set_raw(Name name, cudnnBackendAttributeType_t type, std::int64_t count,
                      const void* values);
  void get_raw(Name name, cudnnBackendAttributeType_t type, std::int64_t most, std::int64_t* count,
               void* values) const;
  std::string call(const char* function, int attribute) const;

  const CudnnApi* api_;
  cudnnBackendDescriptorType_t type_;
  cudnnBackendDescriptor_t raw_ = nullptr;
};

}  // namespace fovea::cudnn
