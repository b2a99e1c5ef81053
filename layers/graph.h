// graph.h - a net recorded as ops on values. Nothing is computed here: a plan does that.
//
// CONVENTION: nodes stand in an order in which they can run; a value is written by the nodes that
// list it as output and read by those that list it as input. Recording appends.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/dtype.h>
#include <fovea/core/shape.h>
#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/elementwise.h>
#include <fovea/kernels/ops/input.h>
#include <fovea/kernels/ops/linear.h>
#include <fovea/kernels/ops/loss.h>
#include <fovea/kernels/ops/lrn.h>
#include <fovea/kernels/ops/pool.h>
#include <fovea/kernels/ops/update.h>
#include <fovea/layers/op.h>
#include <fovea/layers/parameter.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace fovea {

class Graph;

/// A value of a graph: a handle. The default one is "no value".
class FOVEA_API Value {
 public:
  Value() = default;
  Value(const Graph* graph, int id) : graph_{graph}, id_{id} {}
  int id() const { return id_; }
  const Shape& shape() const;
  explicit operator bool() const { return id_ >= 0; }
  friend bool operator==(const Value&, const Value&) = default;

 private:
  const Graph* graph_ = nullptr;
  int id_ = -1;
};

/// Where a value's bytes come from.
enum class Role : std::uint8_t {
  activation,  // placed in the plan's arena by lifetime
  input,       // in the arena for the whole step; the host writes it before the step
  parameter,   // inside the block of weights
  copy,        // inside the block of copies: a parameter as kernels read it, in bf16
  derived,     // beside the arena, by name: a parameter or its copy in another order
  gradient,    // inside the block of gradients
  weights,
  copies,
  gradients,
  velocity,  // the whole blocks
  constant,  // small and fixed, given to the plan by name: mean, scale, segments
  ring       // metrics of past steps
};

struct ValueInfo {
  std::string name;  // "conv1" or "conv1.weight"; unique
  Shape shape;
  DType dtype = DType::f32;
  Role role = Role::activation;
  int parameter = -1;           // for parameter, copy and gradient: index into parameters()
  bool needs_gradient = false;  // depends on a parameter that learns
};

/// Gradients of a node's inputs, in their order, "no value" where none is needed. Recorded into
/// the graph; `dy` is the gradient of outputs[0] ("no value" for the loss itself).
struct Node;
using GradientRule = std::function<std::vector<Value>(Graph&, const Node&, Value dy)>;

struct Node {
  std::shared_ptr<const Op> op;
  std::vector<Value> inputs;  // in the order of the op's Args; "no value" for an absent one
  std::vector<Value> outputs;
  std::string layer;      // who recorded it
  GradientRule gradient;  // empty: nothing flows back
  bool is_loss = false;   // where add_backward() may start
};

class FOVEA_API Graph {
 public:
  explicit Graph(Math math = Math::fp32) : type_{activation_type(math)} {}
  Graph(const Graph&) = delete;  // values point to their graph
  Graph& operator=(const Graph&) = delete;

  // --- values that come from outside
  Value input(const std::string& name, const Shape& shape, DType dtype);
  Value constant(const std::string& name, const Shape& shape, DType dtype = DType::f32);
  /// The parameter of that name, added when first asked for. Throws InvalidArgument where it
  /// exists with another shape.
  Value param(const ParameterSpec& spec);

  // --- forward ops; each knows its gradient
  Value input_cast(Value pictures, Value mean, Value scale, const InputProblem& p);
  Value conv(Value x, Value w, const ConvProblem& p);
  Value linear(Value x, Value w);
  Value add_bias(Value x, Value b);
  Value relu(Value x);
  Value tanh(Value x);
  Value max_pool(Value x, const PoolProblem& p);
  Value avg_pool(Value x, const PoolProblem& p);
  Value lrn(Value x, const LrnProblem& p);
  /// Evaluation graphs record the factor 1 - rate for the classic kind, nothing for the inverted.
  Value dropout(Value x, float rate, bool inverted);
  Value scale(Value x, float factor);
  Value add(Value a, Value b);
  Value reshape(Value x, const Shape& shape);
  Value softmax(Value logits);
  /// Losses return the metrics, f32 [4] (BatchMetrics).
  Value softmax_loss(Value logits, Value labels);
  Value mse_loss(Value x, Value target);
  void record_metrics(Value metrics, int slots);
  /// A parameter, or its copy, in another order: `op` makes it of `w` for `layer`, and plans
  /// refresh it behind an update (plan.h). The same value for the same `w` and order. Throws
  /// InvalidArgument where `w` is no parameter.
  Value derive(const std::string& layer, Value w, const std::string& order, const Shape& shape,
               std::shared_ptr<const Op> op);

  // --- passes
  /// Records the gradient ops of every parameter that learns, from `loss` down.
  void add_backward(Value loss);
  /// Records the check and the update of all parameters.
  void add_update(float momentum);

  // --- general recording, for ops of one's own
  /// Appends a node; its layer is the current one.
  Node& record(std::shared_ptr<const Op> op, std::vector<Value> inputs, std::vector<Value> outputs,
               GradientRule gradient = {});
  /// A new value of the arena, of the graph's type or another.
  Value activation(const Shape& shape) { return activation(shape, type_); }
  Value activation(const Shape& shape, DType dtype);
  /// One of the shape and type of `x`.
  Value activation_like(Value x) { return activation(x.shape(), info(x).dtype); }
  /// Of activations, and of parameters as conv, linear and add read them: bf16 in math mode bf16.
  DType type() const { return type_; }
  /// The same bytes under a name of their own; a value that had the name gets a stroke appended.
  Value name(Value v, const std::string& name);
  /// Names the layer that records from now on, and the values it makes.
  void set_layer(const std::string& name);
  const std::string& layer() const { return layer_; }
  void set_training(bool training) { training_ = training; }
  bool training() const { return training_; }

  // --- reading
  const std::vector<Node>& nodes() const { return nodes_; }
  std::vector<Node>& nodes() { return nodes_; }
  const ValueInfo& info(Value v) const { return values_[static_cast<std::size_t>(v.id())]; }
  ValueInfo& info(Value v) { return values_[static_cast<std::size_t>(v.id())]; }
  /// What makes the derived values: one input, one output each.
  const std::vector<Node>& derivations() const { return derivations_; }
  std::vector<Node>& derivations() { return derivations_; }
  /// Whether the value that owns its bytes is a parameter or a parameter's copy.
  bool is_weight(Value v) const;
  /// Whether a step changes the parameters.
  bool updates() const;
  int value_count() const { return static_cast<int>(values_.size()); }
  Value value(int id) const { return {this, id}; }
  /// The value of that name. Throws InvalidArgument with the names there are.
  Value find(const std::string& name) const;
  const std::vector<ParameterSpec>& parameters() const { return parameters_; }
  /// Forward result of each layer, in order: what `--layer list` shows.
  const std::vector<std::pair<std::string, Value>>& layer_outputs() const { return outputs_; }
  void set_layer_output(const std::string& layer, Value v) { outputs_.emplace_back(layer, v); }
  /// A value whose bytes are another's: reshape. Follows to the one that owns bytes.
  Value storage(Value v) const;

 private:
  Value make(ValueInfo info);
  Value block(Role role, const std::string& name, const Shape& shape, DType dtype);
  Value as_read(Value v);

  DType type_;
  std::vector<ValueInfo> values_;
  std::vector<int> alias_;  // of each value: the value whose bytes it shows, or -1
  std::vector<Node> nodes_, derivations_;
  std::vector<ParameterSpec> parameters_;
  std::vector<Value> parameter_values_, copies_;  // copies_: "no value" where none is read
  std::vector<std::pair<std::string, Value>> outputs_;
  std::string layer_ = "net";
  int in_layer_ = 0;  // values made by the current layer
  std::uint32_t dropouts_ = 0;
  bool training_ = true;
};

}  // namespace fovea
