// conv2d.h - the convolution layer: filters over local receptive fields, weights shared over the
// plane, and a bias a filter.
#pragma once

#include <fovea/core/api.h>
#include <fovea/layers/layer.h>

namespace fovea {

class FOVEA_API Conv2d final : public Layer {
 public:
  struct Options {
    int filters = 0;     // k
    int r = 0, s = 0;    // filter; s = 0: square
    int u = 1, v = 0;    // stride; v = 0: as u
    Padding ph{}, pw{};  // zeros around the input
    int dh = 1, dw = 1;  // dilation
    int groups = 1;
    Initializer weight = Initializer::gaussian(0.01F);
    Initializer bias = Initializer::constant(0.0F);
    bool has_bias = true;
    float weight_rate = 1.0F, bias_rate = 1.0F;    // times the learning rate
    float weight_decay = 0.0F, bias_decay = 0.0F;  // absolute
    bool frozen = false;
  };
  Conv2d(std::string name, const Options& options);
  std::string describe() const override;
  /// {n, h, w, c} -> {n, p, q, filters}
  Shape output_shape(const Shape& in) const override;
  Value record(Graph& g, Value x) const override;
  /// The problem on an input of this shape; validated.
  ConvProblem problem(const Shape& in) const;

 private:
  Options options_;
};

}  // namespace fovea
