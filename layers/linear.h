// linear.h - the fully connected layer; an image is seen as one row, in (h, w, c) order.
#pragma once

#include <fovea/core/api.h>
#include <fovea/layers/layer.h>

namespace fovea {

class FOVEA_API Linear final : public Layer {
 public:
  struct Options {
    int outputs = 0;
    Initializer weight = Initializer::gaussian(0.01F);
    Initializer bias = Initializer::constant(0.0F);
    bool has_bias = true;
    float weight_rate = 1.0F, bias_rate = 1.0F;
    float weight_decay = 0.0F, bias_decay = 0.0F;
    bool frozen = false;
  };
  Linear(std::string name, const Options& options);
  std::string describe() const override;
  /// {n, ...} -> {n, outputs}
  Shape output_shape(const Shape& in) const override;
  Value record(Graph& g, Value x) const override;

 private:
  Options options_;
};

}  // namespace fovea
