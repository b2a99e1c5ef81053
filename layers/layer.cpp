#include <fovea/core/error.h>
#include <fovea/layers/layer.h>

namespace fovea {

Value record_layer(Graph& g, const Layer& layer, Value x) {
  g.set_layer(layer.name());
  const Value y = layer.record(g, x);
  g.set_layer_output(layer.name(), y);
  return y;
}

Sequential& Sequential::add(std::shared_ptr<const Layer> layer) {
  layers_.push_back(std::move(layer));
  return *this;
}

std::string Sequential::describe() const {
  return "sequence of " + std::to_string(layers_.size()) + " layers";
}

Shape Sequential::output_shape(const Shape& in) const {
  Shape shape = in;
  for (const auto& layer : layers_) shape = layer->output_shape(shape);
  return shape;
}

Value Sequential::record(Graph& g, Value x) const {
  for (const auto& layer : layers_) x = record_layer(g, *layer, x);
  return x;
}

std::string Residual::describe() const { return "x + (" + branch_->describe() + ")"; }

Shape Residual::output_shape(const Shape& in) const {
  const Shape out = branch_->output_shape(in);
  if (out != in) {
    throw InvalidArgument("layer " + name() + ": the branch turns " + to_string(in) + " into " +
                          to_string(out) + "; a residual branch keeps the shape");
  }
  return out;
}

Value Residual::record(Graph& g, Value x) const {
  static_cast<void>(output_shape(x.shape()));
  const Value y = record_layer(g, *branch_, x);
  g.set_layer(name());
  return g.add(x, y);
}

}  // namespace fovea
