// simple_layers.h - the layers that learn nothing.
#pragma once

#include <fovea/core/api.h>
#include <fovea/layers/layer.h>

namespace fovea {

/// max(0, x) or tanh(x).
class FOVEA_API ActivationLayer final : public Layer {
 public:
  ActivationLayer(std::string name, Activation kind) : Layer(std::move(name)), kind_{kind} {}
  std::string describe() const override { return kind_ == Activation::relu ? "relu" : "tanh"; }
  Shape output_shape(const Shape& in) const override { return in; }
  Value record(Graph& g, Value x) const override {
    return kind_ == Activation::relu ? g.relu(x) : g.tanh(x);
  }

 private:
  Activation kind_;
};

/// Max or average over windows. Extents n, c, h, w of `window` are taken from the input.
class FOVEA_API Pool2d final : public Layer {
 public:
  enum class Kind : std::uint8_t { max, average };
  Pool2d(std::string name, Kind kind, const PoolProblem& window);
  std::string describe() const override;
  Shape output_shape(const Shape& in) const override;
  Value record(Graph& g, Value x) const override;

 private:
  PoolProblem problem(const Shape& in) const;
  Kind kind_;
  PoolProblem window_;
};

/// Local response normalisation. Extents n, c, h, w of `constants` are taken from the input.
class FOVEA_API LrnLayer final : public Layer {
 public:
  LrnLayer(std::string name, const LrnProblem& constants);
  std::string describe() const override;
  Shape output_shape(const Shape& in) const override { return in; }
  Value record(Graph& g, Value x) const override;

 private:
  LrnProblem constants_;
};

/// Drops elements while training. Classic (2012): evaluation multiplies by 1 - rate. Inverted:
/// training divides by it.
class FOVEA_API DropoutLayer final : public Layer {
 public:
  DropoutLayer(std::string name, float rate, bool inverted)
      : Layer(std::move(name)), rate_{rate}, inverted_{inverted} {}
  std::string describe() const override;
  Shape output_shape(const Shape& in) const override { return in; }
  Value record(Graph& g, Value x) const override { return g.dropout(x, rate_, inverted_); }

 private:
  float rate_;
  bool inverted_;
};

/// x + the output of an earlier layer of the same net.
class FOVEA_API AddLayer final : public Layer {
 public:
  AddLayer(std::string name, std::string other)
      : Layer(std::move(name)), other_{std::move(other)} {}
  std::string describe() const override { return "+ " + other_; }
  Shape output_shape(const Shape& in) const override { return in; }
  Value record(Graph& g, Value x) const override;

 private:
  std::string other_;
};

}  // namespace fovea
