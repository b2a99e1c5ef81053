// condition.h - what the values of an integer tensor must be, so that every algorithm may read
// them: an index stays inside of what it indexes. Seeded values always are. Internal.
#pragma once

#include <fovea/kernels/compare/host_tensor.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

namespace fovea::compare {

/// Any value of the type where `first_bad` is empty.
struct Condition {
  std::string wanted;  // "a class from 0 to 9"
  std::function<std::optional<std::size_t>(const HostTensor&)> first_bad = {};
};

/// i32: 0 .. count - 1.
Condition classes(int count);

}  // namespace fovea::compare
