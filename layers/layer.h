// layer.h - a layer holds shapes and names, no tensors: it records its forward ops into a graph.
#pragma once

#include <fovea/core/api.h>
#include <fovea/layers/graph.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

class FOVEA_API Layer {
 public:
  explicit Layer(std::string name) : name_{std::move(name)} {}
  virtual ~Layer() = default;
  const std::string& name() const { return name_; }
  /// "conv 16@5x5 stride 1 pad 2": for tables.
  virtual std::string describe() const = 0;
  /// Pure. Throws InvalidArgument for an input that does not fit, naming the layer.
  virtual Shape output_shape(const Shape& in) const = 0;
  /// Records the forward ops; the graph's current layer is set by the caller (record_layer()).
  virtual Value record(Graph& g, Value x) const = 0;

 private:
  std::string name_;
};

/// Records `layer` under its name and remembers its output.
FOVEA_API Value record_layer(Graph& g, const Layer& layer, Value x);

/// Layers one after the other; a layer like any other.
class FOVEA_API Sequential final : public Layer {
 public:
  explicit Sequential(std::string name = "net") : Layer(std::move(name)) {}
  Sequential& add(std::shared_ptr<const Layer> layer);
  /// Makes the layer in place: net.add<Conv2d>("conv1", Conv2d::Options{...}).
  template <class L, class... Args>
  Sequential& add(Args&&... args) {
    return add(std::make_shared<L>(std::forward<Args>(args)...));
  }
  const std::vector<std::shared_ptr<const Layer>>& layers() const { return layers_; }
  std::string describe() const override;
  Shape output_shape(const Shape& in) const override;
  Value record(Graph& g, Value x) const override;

 private:
  std::vector<std::shared_ptr<const Layer>> layers_;
};

/// x + branch(x), the two shapes being equal.
class FOVEA_API Residual final : public Layer {
 public:
  Residual(std::string name, std::shared_ptr<const Layer> branch)
      : Layer(std::move(name)), branch_{std::move(branch)} {}
  std::string describe() const override;
  Shape output_shape(const Shape& in) const override;
  Value record(Graph& g, Value x) const override;

 private:
  std::shared_ptr<const Layer> branch_;
};

}  // namespace fovea
