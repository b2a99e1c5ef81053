// recipe.cpp - from a recipe to a net, and what cannot be one.
#include <fovea/core/error.h>
#include <fovea/layers/conv2d.h>
#include <fovea/layers/linear.h>
#include <fovea/layers/recipe.h>
#include <fovea/layers/simple_layers.h>

#include <algorithm>
#include <set>

namespace fovea {
namespace {

Initializer initializer(const LayerRecipe& l, std::int64_t fan_in) {
  if (l.init == "gaussian") return Initializer::gaussian(l.deviation);
  if (l.init == "constant") return Initializer::constant(l.deviation);
  if (l.init == "he") return Initializer::he(fan_in);
  if (l.init == "fan_in") return Initializer::fan_in_uniform(fan_in);
  throw InvalidArgument("layer " + l.name + ": init '" + l.init + "' is unknown; the nearest is '" +
                        nearest(l.init, {"gaussian", "he", "fan_in", "constant"}) + "'");
}

// fan_in draws biases too, as torchvision's layers do.
Initializer bias_initializer(const LayerRecipe& l, std::int64_t fan_in) {
  return l.init == "fan_in" ? Initializer::fan_in_uniform(fan_in)
                            : Initializer::constant(l.bias_value);
}

// Rates, decay and initialisation, which convolution and linear layers share.
template <class Options>
void set_learning(Options& o, const LayerRecipe& l, const TrainRecipe& t, std::int64_t fan_in) {
  o.weight = initializer(l, fan_in);
  o.bias = bias_initializer(l, fan_in);
  o.has_bias = l.bias;
  o.weight_rate = l.rate;
  o.bias_rate = l.rate * t.bias_rate;
  o.weight_decay = t.weight_decay;
  o.bias_decay = t.weight_decay * t.bias_decay;
  o.frozen = l.rate == 0.0F;
}

std::shared_ptr<const Layer> conv_layer(const LayerRecipe& l, const TrainRecipe& t,
                                        const Shape& in) {
  Conv2d::Options o;
  o.filters = l.filters;
  o.r = l.size;
  o.s = l.width;
  o.u = l.stride;
  o.ph = o.pw = l.pad;
  o.dh = o.dw = l.dilation;
  o.groups = l.groups;
  const std::int64_t columns = l.width > 0 ? l.width : l.size;
  set_learning(o, l, t, in[-1] / std::max(1, l.groups) * l.size * columns);
  return std::make_shared<Conv2d>(l.name, o);
}

std::shared_ptr<const Layer> linear_layer(const LayerRecipe& l, const TrainRecipe& t,
                                          const Shape& in, int classes) {
  Linear::Options o;
  o.outputs = l.outputs > 0 ? l.outputs : classes;
  set_learning(o, l, t, in.elements() / in[0]);
  return std::make_shared<Linear>(l.name, o);
}

std::shared_ptr<const Layer> pool_layer(const LayerRecipe& l) {
  PoolProblem p;
  p.r = l.size;
  p.s = l.width > 0 ? l.width : l.size;
  p.u = p.v = l.stride;
  p.ph = p.pw = l.pad;
  p.ceil = l.ceil;
  p.count_padding = l.count_padding;
  return std::make_shared<Pool2d>(
      l.name, l.type == "maxpool" ? Pool2d::Kind::max : Pool2d::Kind::average, p);
}

std::shared_ptr<const Layer> lrn_layer(const LayerRecipe& l) {
  LrnProblem p;
  p.size = l.size;
  p.alpha = l.alpha;
  p.beta = l.beta;
  p.k = l.k;
  p.divide = l.divide;
  p.groups = l.groups;
  p.within = l.within;
  return std::make_shared<LrnLayer>(l.name, p);
}

std::shared_ptr<const Layer> make_layer(const LayerRecipe& l, const TrainRecipe& t, const Shape& in,
                                        int classes) {
  if (l.type == "conv") return conv_layer(l, t, in);
  if (l.type == "linear") return linear_layer(l, t, in, classes);
  if (l.type == "relu") return std::make_shared<ActivationLayer>(l.name, Activation::relu);
  if (l.type == "tanh") return std::make_shared<ActivationLayer>(l.name, Activation::tanh);
  if (l.type == "lrn") return lrn_layer(l);
  if (l.type == "dropout") return std::make_shared<DropoutLayer>(l.name, l.probability, l.inverted);
  if (l.type == "add") return std::make_shared<AddLayer>(l.name, l.with);
  return pool_layer(l);
}

void require(bool holds, const std::string& recipe, const std::string& what) {
  if (!holds) throw InvalidArgument("recipe " + recipe + ": " + what);
}

void require_one_of(const std::string& recipe, const std::string& key, const std::string& value,
                    const std::vector<std::string>& known) {
  require(
      std::ranges::find(known, value) != known.end(), recipe,
      key + " = \"" + value + "\" is unknown; the nearest is \"" + nearest(value, known) + "\"");
}

}  // namespace

std::shared_ptr<const Sequential> Recipe::net(int classes) const {
  if (own_net) return own_net(classes);
  auto net = std::make_shared<Sequential>(name);
  Shape shape{1, input.height, input.width, input.channels};
  for (const LayerRecipe& l : layers) {
    const std::shared_ptr<const Layer> layer = make_layer(l, train, shape, classes);
    shape = layer->output_shape(shape);
    net->add(layer);
  }
  return net;
}

void Recipe::validate(int classes) const {
  const InputRecipe& i = input;
  require(i.height >= 1 && i.width >= 1 && i.height <= 4096 && i.width <= 4096, name,
          "input.height and input.width are from 1 to 4096");
  require(i.channels == 1 || i.channels == 3, name, "input.channels is 1 (grey) or 3 (colour)");
  require(i.pad >= 0 && i.resize >= 0 && i.resize <= 4096, name,
          "input.pad and input.resize are not negative, and resize is at most 4096");
  require(i.height <= stored_height() + 2 * i.pad && i.width <= stored_width() + 2 * i.pad, name,
          "the crop (input.height x width) does not fit into the stored picture (input.resize)");
  require_one_of(name, "input.mean", i.mean, {"channel", "pixel", "none"});
  require_one_of(name, "input.scale", i.scale, {"deviation", "255", "none"});
  const TrainRecipe& t = train;
  require(t.batch >= 1 && t.batch <= 65536, name, "train.batch is from 1 to 65536");
  require(t.epochs >= 1, name, "train.epochs is at least 1");
  require(t.learning_rate > 0 && t.momentum >= 0 && t.momentum < 1 && t.weight_decay >= 0, name,
          "train.learning_rate is above 0, momentum in [0, 1), weight_decay not negative");
  require_one_of(name, "train.loss", t.loss, {"softmax", "mse"});
  require(!layers.empty() || own_net, name,
          "there is no [[layer]]; a net written in C++ is handed over in Recipe::own_net");
  std::set<std::string> names;
  for (const LayerRecipe& l : layers) {
    require(names.insert(l.name).second, name, "two layers are called '" + l.name + "'");
  }
  const Shape out = net(classes)->output_shape({1, i.height, i.width, i.channels});
  require(out == Shape({1, classes}), name,
          "the last layer gives " + to_string(out) + ", not one score for each of " +
              std::to_string(classes) + " classes; end with a linear layer without outputs");
}

}  // namespace fovea
