#include <fovea/core/error.h>
#include <fovea/layers/graph.h>

#include <algorithm>

namespace fovea {

const Shape& Value::shape() const { return graph_->info(*this).shape; }

Value Graph::make(ValueInfo info) {
  values_.push_back(std::move(info));
  alias_.push_back(-1);
  return value(value_count() - 1);
}

Value Graph::input(const std::string& name, const Shape& shape, DType dtype) {
  return make({.name = name, .shape = shape, .dtype = dtype, .role = Role::input});
}

Value Graph::constant(const std::string& name, const Shape& shape, DType dtype) {
  return make({.name = name, .shape = shape, .dtype = dtype, .role = Role::constant});
}

Value Graph::block(Role role, const std::string& name, const Shape& shape, DType dtype) {
  return make({.name = name, .shape = shape, .dtype = dtype, .role = role});
}

Value Graph::activation(const Shape& shape, DType dtype) {
  const std::string suffix = in_layer_ == 0 ? "" : "#" + std::to_string(in_layer_);
  ++in_layer_;
  return make({.name = layer_ + suffix, .shape = shape, .dtype = dtype});
}

Value Graph::param(const ParameterSpec& spec) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].name != spec.name) continue;
    if (parameters_[i].shape == spec.shape) return parameter_values_[i];
    throw InvalidArgument("parameter " + spec.name + " is used as " + to_string(spec.shape) +
                          " and as " + to_string(parameters_[i].shape) +
                          "; give the layers different names");
  }
  parameters_.push_back(spec);
  parameter_values_.push_back(make({.name = spec.name,
                                    .shape = spec.shape,
                                    .role = Role::parameter,
                                    .parameter = static_cast<int>(parameters_.size()) - 1,
                                    .needs_gradient = !spec.frozen}));
  copies_.emplace_back();
  return parameter_values_.back();
}

// A parameter as kernels read it: its copy, in a graph of another type. Any other value as it is.
Value Graph::as_read(Value v) {
  const ValueInfo& i = info(storage(v));
  if (i.role != Role::parameter || i.dtype == type_) return v;
  Value& copy = copies_[static_cast<std::size_t>(i.parameter)];
  if (!copy) {
    parameters_[static_cast<std::size_t>(i.parameter)].read_in_bf16 = true;
    copy = make({.name = i.name + " in " + std::string(name_of(type_)),
                 .shape = i.shape,
                 .dtype = type_,
                 .role = Role::copy,
                 .parameter = i.parameter,
                 .needs_gradient = i.needs_gradient});
  }
  return reshape(copy, v.shape());
}

void Graph::set_layer(const std::string& name) {
  layer_ = name;
  in_layer_ = 0;
}

Node& Graph::record(std::shared_ptr<const Op> op, std::vector<Value> inputs,
                    std::vector<Value> outputs, GradientRule gradient) {
  const bool learns =
      std::ranges::any_of(inputs, [&](const Value& v) { return v && info(v).needs_gradient; });
  for (const Value& v : outputs) {
    if (v && gradient) info(v).needs_gradient = learns;
  }
  nodes_.push_back(
      {std::move(op), std::move(inputs), std::move(outputs), layer_, std::move(gradient), false});
  return nodes_.back();
}

Value Graph::storage(Value v) const {
  while (alias_[static_cast<std::size_t>(v.id())] >= 0) {
    v = value(alias_[static_cast<std::size_t>(v.id())]);
  }
  return v;
}

Value Graph::reshape(Value x, const Shape& shape) {
  if (shape == x.shape()) return x;
  if (shape.elements() != x.shape().elements()) {
    throw InvalidArgument("layer " + layer_ + ": " + to_string(x.shape()) + " cannot be seen as " +
                          to_string(shape) + ": the element counts differ");
  }
  ValueInfo i = info(x);
  i.shape = shape;
  i.name += "@" + to_string(shape);
  const Value y = make(i);
  alias_[static_cast<std::size_t>(y.id())] = x.id();
  return y;
}

Value Graph::name(Value v, const std::string& name) {
  for (ValueInfo& other : values_) {
    if (other.name == name) other.name += "'";
  }
  ValueInfo i = info(v);
  i.name = name;
  const Value named = make(std::move(i));
  alias_[static_cast<std::size_t>(named.id())] = v.id();
  return named;
}

Value Graph::find(const std::string& name) const {
  for (int id = 0; id < value_count(); ++id) {
    if (values_[static_cast<std::size_t>(id)].name == name) return value(id);
  }
  std::string known;
  for (const auto& [layer, v] : outputs_) known += (known.empty() ? "" : ", ") + layer;
  throw InvalidArgument("the net has no value called '" + name + "'; its layers are " + known);
}

void Graph::add_update(float momentum) {
  const ParameterLayout layout(parameters_);
  const auto segments = static_cast<std::int64_t>(parameters_.size());
  const UpdateProblem p{layout.count(), static_cast<int>(segments), momentum};
  set_layer("update");
  const Shape whole{layout.count()};
  const Value g = block(Role::gradients, "gradients", whole, DType::f32);
  const Value w = block(Role::weights, "weights", whole, DType::f32);
  const Value v = block(Role::velocity, "velocity", whole, DType::f32);
  const Value copies = type_ == DType::f32 ? Value{} : block(Role::copies, "copies", whole, type_);
  const Value table = block(Role::constant, "segments",
                            {segments * static_cast<std::int64_t>(sizeof(Segment))}, DType::u8);
  record(std::make_shared<OpOf<FiniteCheck>>(p), {g, table}, {});
  record(std::make_shared<OpOf<SgdUpdate>>(p), {g, table}, {w, v, copies});
}

bool Graph::updates() const {
  return std::ranges::any_of(nodes_,
                             [](const Node& n) { return n.op->kind() == SgdUpdate::kName; });
}

bool Graph::is_weight(Value v) const {
  const Role role = info(storage(v)).role;
  return role == Role::parameter || role == Role::copy;
}

Value Graph::derive(const std::string& layer, Value w, const std::string& order, const Shape& shape,
                    std::shared_ptr<const Op> op) {
  if (!is_weight(w)) {
    throw InvalidArgument("layer " + layer + ": " + info(w).name +
                          " is no parameter, so that no derived weight can be made of it");
  }
  const std::string name = info(w).name + " in " + order;
  for (const Node& n : derivations_) {
    if (info(n.outputs[0]).name == name) return n.outputs[0];
  }
  const Value derived =
      make({.name = name, .shape = shape, .dtype = info(w).dtype, .role = Role::derived});
  derivations_.push_back({std::move(op), {w}, {derived}, layer, {}, false});
  return derived;
}

void Graph::record_metrics(Value metrics, int slots) {
  const Value ring = block(Role::ring, "metrics_ring", {slots, RecordMetrics::kFields}, DType::f32);
  record(std::make_shared<OpOf<RecordMetrics>>(LossProblem{slots, RecordMetrics::kFields}),
         {metrics}, {ring});
}

}  // namespace fovea
