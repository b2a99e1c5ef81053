// graph_record.cpp - the forward ops, each beside the rule of its gradient.
#include <fovea/core/error.h>
#include <fovea/layers/graph.h>

namespace fovea {
namespace {

template <class Tag>
std::shared_ptr<const Op> op(const typename Tag::Problem& p) {
  return std::make_shared<OpOf<Tag>>(p);
}

// Gradient w.r.t. `x`, recorded by Tag from `inputs`; no value where x learns nothing.
template <class Tag>
Value gradient_of(Graph& g, Value x, const typename Tag::Problem& p, std::vector<Value> inputs) {
  if (!g.info(x).needs_gradient) return {};
  const Value dx = g.activation_like(x);
  g.record(op<Tag>(p), std::move(inputs), {dx});
  return dx;
}

void require_shape(const std::string& layer, const Shape& have, const Shape& want) {
  if (have == want) return;
  throw InvalidArgument("layer " + layer + ": the input is " + to_string(have) + ", not " +
                        to_string(want));
}

}  // namespace

Value Graph::input_cast(Value pictures, Value mean, Value scale, const InputProblem& p) {
  validate(p);
  require_shape(layer_, pictures.shape(), p.x_shape());
  const Value y = activation(p.y_shape());
  record(op<InputCast>(p), {pictures, mean, scale}, {y});
  return y;
}

Value Graph::conv(Value x, Value w, const ConvProblem& p) {
  validate(p);
  require_shape(layer_, x.shape(), p.x_shape());
  require_shape(layer_ + ".weight", w.shape(), p.w_shape());
  const Value y = activation(p.y_shape());
  record(op<ConvForward>(p), {x, as_read(w), {}}, {y}, [p](Graph& g, const Node& n, Value dy) {
    const Value nx = n.inputs[0];
    const Value nw = n.inputs[1];
    const Value dw = g.info(nw).needs_gradient ? g.activation_like(nw) : Value{};
    if (dw) g.record(op<ConvWgrad>(p), {nx, dy}, {dw, {}});
    const Value dx = gradient_of<ConvDgrad>(g, nx, p, {dy, nw, {}});
    return std::vector<Value>{dx, dw, {}};
  });
  return y;
}

Value Graph::linear(Value x, Value w) {
  const Value rows = reshape(x, {x.shape()[0], x.shape().elements() / x.shape()[0]});
  const LinearProblem p{.m = static_cast<int>(rows.shape()[0]),
                        .n = static_cast<int>(w.shape()[0]),
                        .k = static_cast<int>(rows.shape()[1]),
                        .epilogue = {}};
  validate(p);
  require_shape(layer_ + ".weight", w.shape(), p.w_shape());
  const Value y = activation(p.y_shape());
  record(op<LinearForward>(p), {rows, as_read(w), {}}, {y}, [p](Graph& g, const Node& n, Value dy) {
    const Value nx = n.inputs[0];
    const Value nw = n.inputs[1];
    const Value dw = g.info(nw).needs_gradient ? g.activation_like(nw) : Value{};
    if (dw) g.record(op<LinearWgrad>(p), {nx, dy}, {dw, {}});
    const Value dx = gradient_of<LinearDgrad>(g, nx, p, {dy, nw, {}});
    return std::vector<Value>{dx, dw, {}};
  });
  return y;
}

Value Graph::add_bias(Value x, Value b) {
  const auto channels = static_cast<int>(x.shape()[-1]);
  require_shape(layer_ + ".bias", b.shape(), {channels});
  const BiasProblem p{x.shape().elements() / channels, channels};
  const Value y = activation_like(x);
  record(op<AddBias>(p), {x, b}, {y}, [p](Graph& g, const Node& n, Value dy) {
    const Value db = gradient_of<BiasGradient>(g, n.inputs[1], p, {dy});
    return std::vector<Value>{g.info(n.inputs[0]).needs_gradient ? dy : Value{}, db};
  });
  return y;
}

namespace {

Value activate(Graph& g, Value x, Activation kind) {
  const ActivationProblem p{x.shape().elements(), kind};
  const Value y = g.activation_like(x);
  g.record(op<ActivationForward>(p), {x}, {y}, [p](Graph& graph, const Node& n, Value dy) {
    return std::vector<Value>{
        gradient_of<ActivationBackward>(graph, n.inputs[0], p, {dy, n.outputs[0]})};
  });
  return y;
}

}  // namespace

Value Graph::relu(Value x) { return activate(*this, x, Activation::relu); }
Value Graph::tanh(Value x) { return activate(*this, x, Activation::tanh); }

Value Graph::max_pool(Value x, const PoolProblem& p) {
  validate(p);
  require_shape(layer_, x.shape(), p.x_shape());
  const Value y = activation(p.y_shape());
  const Value argmax = activation(p.y_shape(), DType::u8);
  record(op<MaxPoolForward>(p), {x}, {y, argmax}, [p](Graph& g, const Node& n, Value dy) {
    return std::vector<Value>{gradient_of<MaxPoolBackward>(g, n.inputs[0], p, {dy, n.outputs[1]})};
  });
  return y;
}

Value Graph::avg_pool(Value x, const PoolProblem& p) {
  validate(p);
  require_shape(layer_, x.shape(), p.x_shape());
  const Value y = activation(p.y_shape());
  record(op<AvgPoolForward>(p), {x}, {y}, [p](Graph& g, const Node& n, Value dy) {
    return std::vector<Value>{gradient_of<AvgPoolBackward>(g, n.inputs[0], p, {dy})};
  });
  return y;
}

Value Graph::lrn(Value x, const LrnProblem& p) {
  validate(p);
  require_shape(layer_, x.shape(), p.x_shape());
  const Value y = activation_like(x);
  record(op<LrnForward>(p), {x}, {y}, [p](Graph& g, const Node& n, Value dy) {
    return std::vector<Value>{gradient_of<LrnBackward>(g, n.inputs[0], p, {n.inputs[0], dy})};
  });
  return y;
}

Value Graph::dropout(Value x, float rate, bool inverted) {
  if (!(rate >= 0.0F && rate < 1.0F)) {
    throw InvalidArgument("layer " + layer_ + ": dropout rate " + std::to_string(rate) +
                          " is not in [0, 1)");
  }
  const std::uint32_t number = dropouts_++;
  if (!training_) return inverted ? x : scale(x, 1.0F - rate);
  const std::int64_t images = x.shape()[0];
  const DropoutProblem p{images, x.shape().elements() / images, rate,
                         inverted ? 1.0F / (1.0F - rate) : 1.0F, number};
  const Value y = activation_like(x);
  record(op<Dropout>(p), {x}, {y}, [p](Graph& g, const Node& n, Value dy) {
    return std::vector<Value>{gradient_of<Dropout>(g, n.inputs[0], p, {dy})};
  });
  return y;
}

Value Graph::scale(Value x, float factor) {
  const ScaleProblem p{x.shape().elements(), factor};
  const Value y = activation_like(x);
  record(op<Scale>(p), {x}, {y}, [p](Graph& g, const Node& n, Value dy) {
    return std::vector<Value>{gradient_of<Scale>(g, n.inputs[0], p, {dy})};
  });
  return y;
}

Value Graph::add(Value a, Value b) {
  require_shape(layer_, b.shape(), a.shape());
  a = as_read(a);
  b = as_read(b);
  if (info(a).dtype != info(b).dtype) {
    throw InvalidArgument("layer " + layer_ + ": a sum of " + std::string(name_of(info(a).dtype)) +
                          " and " + std::string(name_of(info(b).dtype)));
  }
  const AddProblem p{a.shape().elements()};
  const Value y = activation_like(a);
  record(op<Add>(p), {a, b}, {y}, [](Graph& g, const Node& n, Value dy) {
    return std::vector<Value>{g.info(n.inputs[0]).needs_gradient ? dy : Value{},
                              g.info(n.inputs[1]).needs_gradient ? dy : Value{}};
  });
  return y;
}

namespace {

LossProblem loss_problem(Value x) {
  const auto n = static_cast<int>(x.shape()[0]);
  return {n, static_cast<int>(x.shape().elements() / n)};
}

}  // namespace

Value Graph::softmax(Value logits) {
  const LossProblem p = loss_problem(logits);
  const Value y = activation({p.n, p.c}, DType::f32);
  record(op<Softmax>(p), {logits}, {y});
  return y;
}

Value Graph::softmax_loss(Value logits, Value labels) {
  const LossProblem p = loss_problem(logits);
  require_shape(layer_ + " (labels)", labels.shape(), {p.n});
  const Value metrics = activation({4}, DType::f32);
  const Value probability = activation({p.n, p.c}, DType::f32);
  Node& node = record(op<SoftmaxLoss>(p), {logits, labels}, {probability, metrics},
                      [p](Graph& g, const Node& n, Value) {
                        return std::vector<Value>{gradient_of<SoftmaxLossBackward>(
                            g, n.inputs[0], p, {n.outputs[0], n.inputs[1]})};
                      });
  node.is_loss = true;
  return metrics;
}

Value Graph::mse_loss(Value x, Value target) {
  const LossProblem p = loss_problem(x);
  require_shape(layer_ + " (target)", target.shape(), {p.n, p.c});
  const Value metrics = activation({4}, DType::f32);
  Node& node = record(op<MseLoss>(p), {x, target}, {metrics}, [p](Graph& g, const Node& n, Value) {
    return std::vector<Value>{
        gradient_of<MseLossBackward>(g, n.inputs[0], p, {n.inputs[0], n.inputs[1]})};
  });
  node.is_loss = true;
  return metrics;
}

}  // namespace fovea
