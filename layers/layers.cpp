// layers.cpp - the layer classes: shapes, parameters, and what they record.
#include <fovea/core/error.h>
#include <fovea/kernels/ops/problem_text.h>
#include <fovea/layers/conv2d.h>
#include <fovea/layers/linear.h>
#include <fovea/layers/simple_layers.h>

namespace fovea {
namespace {

// Rank 4 extents as ints; an image layer needs a plane.
void set_extents(const std::string& layer, const Shape& in, int& n, int& h, int& w, int& c) {
  if (in.rank() != 4) {
    throw InvalidArgument(
        "layer " + layer + ": the input " + to_string(in) +
        " is no batch of planes (n x h x w x c); put it before the linear layers");
  }
  n = static_cast<int>(in[0]);
  h = static_cast<int>(in[1]);
  w = static_cast<int>(in[2]);
  c = static_cast<int>(in[3]);
}

std::string window_text(int r, int s) { return std::to_string(r) + "x" + std::to_string(s); }

template <class Options>
ParameterSpec weight_spec(const std::string& layer, const Options& o, const Shape& shape) {
  return {.name = layer + ".weight",
          .shape = shape,
          .init = o.weight,
          .rate = o.weight_rate,
          .decay = o.weight_decay,
          .frozen = o.frozen};
}

template <class Options>
ParameterSpec bias_spec(const std::string& layer, const Options& o, std::int64_t count) {
  return {.name = layer + ".bias",
          .shape = {count},
          .init = o.bias,
          .rate = o.bias_rate,
          .decay = o.bias_decay,
          .frozen = o.frozen};
}

}  // namespace

Conv2d::Conv2d(std::string name, const Options& options)
    : Layer(std::move(name)), options_{options} {
  if (options_.s == 0) options_.s = options_.r;
  if (options_.v == 0) options_.v = options_.u;
}

std::string Conv2d::describe() const {
  const Options& o = options_;
  std::string text = "conv " + std::to_string(o.filters) + " of " + window_text(o.r, o.s);
  if (o.u != 1 || o.v != 1) text += ", stride " + std::to_string(o.u);
  if (o.ph.begin != 0 || o.ph.end != 0) text += ", pad " + std::to_string(o.ph.begin);
  if (o.ph.begin != o.ph.end) text += ":" + std::to_string(o.ph.end);
  if (o.groups != 1) text += ", groups " + std::to_string(o.groups);
  return text;
}

ConvProblem Conv2d::problem(const Shape& in) const {
  const Options& o = options_;
  ConvProblem p;
  set_extents(name(), in, p.n, p.h, p.w, p.c);
  p.k = o.filters;
  p.r = o.r;
  p.s = o.s;
  p.u = o.u;
  p.v = o.v;
  p.ph = o.ph;
  p.pw = o.pw;
  p.dh = o.dh;
  p.dw = o.dw;
  p.groups = o.groups;
  try {
    validate(p);
  } catch (const InvalidArgument& e) {
    throw InvalidArgument("layer " + name() + ": " + e.what());
  }
  return p;
}

Shape Conv2d::output_shape(const Shape& in) const { return problem(in).y_shape(); }

Value Conv2d::record(Graph& g, Value x) const {
  const ConvProblem p = problem(x.shape());
  const Value y = g.conv(x, g.param(weight_spec(name(), options_, p.w_shape())), p);
  return options_.has_bias ? g.add_bias(y, g.param(bias_spec(name(), options_, p.k))) : y;
}

Linear::Linear(std::string name, const Options& options)
    : Layer(std::move(name)), options_{options} {
  if (options_.outputs < 1) {
    throw InvalidArgument("layer " + this->name() + ": a linear layer has at least 1 output, not " +
                          std::to_string(options_.outputs));
  }
}

std::string Linear::describe() const { return "linear " + std::to_string(options_.outputs); }

Shape Linear::output_shape(const Shape& in) const { return {in[0], options_.outputs}; }

Value Linear::record(Graph& g, Value x) const {
  const std::int64_t inputs = x.shape().elements() / x.shape()[0];
  const Value y = g.linear(x, g.param(weight_spec(name(), options_, {options_.outputs, inputs})));
  return options_.has_bias ? g.add_bias(y, g.param(bias_spec(name(), options_, options_.outputs)))
                           : y;
}

Pool2d::Pool2d(std::string name, Kind kind, const PoolProblem& window)
    : Layer(std::move(name)), kind_{kind}, window_{window} {}

std::string Pool2d::describe() const {
  std::string text = std::string(kind_ == Kind::max ? "max" : "average") + " of " +
                     window_text(window_.r, window_.s) + ", stride " + std::to_string(window_.u);
  return window_.ceil ? text + ", ceil" : text;
}

PoolProblem Pool2d::problem(const Shape& in) const {
  PoolProblem p = window_;
  set_extents(name(), in, p.n, p.h, p.w, p.c);
  try {
    validate(p);
  } catch (const InvalidArgument& e) {
    throw InvalidArgument("layer " + name() + ": " + e.what());
  }
  return p;
}

Shape Pool2d::output_shape(const Shape& in) const { return problem(in).y_shape(); }

Value Pool2d::record(Graph& g, Value x) const {
  const PoolProblem p = problem(x.shape());
  return kind_ == Kind::max ? g.max_pool(x, p) : g.avg_pool(x, p);
}

LrnLayer::LrnLayer(std::string name, const LrnProblem& constants)
    : Layer(std::move(name)), constants_{constants} {}

std::string LrnLayer::describe() const {
  return "lrn over " + std::to_string(constants_.size) +
         (constants_.within ? " within maps" : " channels") + ", alpha " +
         compact(constants_.alpha) + ", beta " + compact(constants_.beta) + ", k " +
         compact(constants_.k);
}

Value LrnLayer::record(Graph& g, Value x) const {
  LrnProblem p = constants_;
  set_extents(name(), x.shape(), p.n, p.h, p.w, p.c);
  return g.lrn(x, p);
}

std::string DropoutLayer::describe() const {
  return "dropout " + compact(rate_) + (inverted_ ? ", inverted" : "");
}

Value AddLayer::record(Graph& g, Value x) const {
  for (const auto& [layer, v] : g.layer_outputs()) {
    if (layer == other_) return g.add(x, v);
  }
  throw InvalidArgument("layer " + name() + ": no layer before it is called '" + other_ + "'");
}

}  // namespace fovea
