// fake_descriptor.h - a descriptor of the fake graph API: attributes as they were set.
#pragma once

#include <fovea/tests/kernels/cudnn/fake_cudnn.h>

#include <cstddef>
#include <cstring>

namespace fovea::test::fake {

struct Attribute {
  cudnnBackendAttributeType_t type{};
  std::int64_t count = 0;
  std::vector<std::byte> bytes;
};

struct FakeDescriptor {
  cudnnBackendDescriptorType_t type{};
  bool finalized = false;
  std::map<cudnnBackendAttributeName_t, Attribute> attributes;
  FakeEngine engine;  // of engines, configurations, plans
  std::pair<int, std::int64_t> knob;

  bool has(cudnnBackendAttributeName_t name) const { return attributes.contains(name); }
  template <class T>
  std::vector<T> all(cudnnBackendAttributeName_t name) const {
    const auto found = attributes.find(name);
    if (found == attributes.end()) return {};
    std::vector<T> values(found->second.bytes.size() / sizeof(T));
    std::memcpy(values.data(), found->second.bytes.data(), values.size() * sizeof(T));
    return values;
  }
  template <class T>
  T one(cudnnBackendAttributeName_t name) const {
    T value{};
    std::memcpy(&value, attributes.at(name).bytes.data(), sizeof(T));
    return value;
  }
  const FakeDescriptor& child(cudnnBackendAttributeName_t name) const {
    return *one<const FakeDescriptor*>(name);
  }
};

/// Computes an operation graph on the host. `uids` and `addresses` are a variant pack's.
cudnnStatus_t compute(const FakeDescriptor& graph, const std::vector<std::int64_t>& uids,
                      const std::vector<void*>& addresses);

}  // namespace fovea::test::fake
