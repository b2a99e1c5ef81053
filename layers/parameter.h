// parameter.h - what a layer learns, and how all parameters lie in one block.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/shape.h>
#include <fovea/kernels/ops/update.h>
#include <fovea/layers/initializer.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

struct ParameterSpec {
  std::string name;  // "conv1.weight", "conv1.bias"
  Shape shape;
  Initializer init;
  float rate = 1.0F;   // times the learning rate
  float decay = 0.0F;  // weight decay
  bool frozen = false;
  bool read_in_bf16 = false;  // by kernels, through a copy; so its gradient lies in bf16, too
};

/// Places of all parameters in one block: backward order, so that finished gradients are a growing
/// prefix; each padded to kParameterAlignment elements. Weights, momentum, gradients and the copies
/// in bf16 use the same offsets. A gradient in bf16 lies in the first half of its place.
class FOVEA_API ParameterLayout {
 public:
  ParameterLayout() = default;
  explicit ParameterLayout(const std::vector<ParameterSpec>& parameters);
  /// Elements of the whole block, padding included.
  std::int64_t count() const { return count_; }
  std::int64_t offset(int parameter) const {
    return segments_[static_cast<std::size_t>(parameter)].offset;
  }
  /// One segment a parameter, in the order of the parameters.
  const std::vector<Segment>& segments() const { return segments_; }

 private:
  std::vector<Segment> segments_;
  std::int64_t count_ = 0;
};

}  // namespace fovea
