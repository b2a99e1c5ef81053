// graph_backward.cpp - the gradient pass: each op names its gradient ops, from the loss down;
// a value with two users gets the sum of their gradients.
#include <fovea/core/error.h>
#include <fovea/layers/graph.h>

#include <algorithm>
#include <map>

namespace fovea {
namespace {

// Gradients found so far, by the value that owns the bytes.
class Gradients {
 public:
  explicit Gradients(Graph& g) : graph_{g} {}

  void add(Value v, Value gradient) {
    Value& sum = of_[graph_.storage(v).id()];
    sum = sum ? graph_.add(sum, graph_.reshape(gradient, sum.shape())) : gradient;
  }
  /// In the shape of `v`; no value where none reached it.
  Value of(Value v) const {
    const auto found = of_.find(graph_.storage(v).id());
    return found == of_.end() ? Value{} : graph_.reshape(found->second, v.shape());
  }

 private:
  Graph& graph_;
  std::map<int, Value> of_;
};

// Whether `loss` is an output of the node.
bool makes(const Node& n, Value loss) {
  return std::ranges::find(n.outputs, loss) != n.outputs.end();
}

}  // namespace

void Graph::add_backward(Value loss) {
  Gradients gradients(*this);
  bool found = false;
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    const Node node = nodes_[i];  // a copy: recording moves the nodes
    if (!node.gradient || node.outputs.empty()) continue;
    const bool is_loss = node.is_loss && makes(node, loss);
    found = found || is_loss;
    const Value dy = is_loss ? Value{} : gradients.of(node.outputs.front());
    if (!is_loss && !dy) continue;                // nothing of the loss depends on it
    set_layer(node.layer + "'");                  // "conv1'": the backward ops of conv1
    in_layer_ = static_cast<int>(nodes_.size());  // names stay unique when a layer has several ops
    const std::vector<Value> of_inputs = node.gradient(*this, node, dy);
    for (std::size_t k = 0; k < of_inputs.size(); ++k) {
      if (of_inputs[k]) gradients.add(node.inputs[k], of_inputs[k]);
    }
  }
  if (!found) throw InvalidArgument("add_backward: the value is not a loss of this graph");
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    Value g = gradients.of(parameter_values_[p]);
    if (const Value copy = copies_[p]) {
      if (g) {
        throw InvalidArgument("parameter " + parameters_[p].name + " is read in two types, as " +
                              std::string(name_of(type_)) + " and as f32, and learns from both");
      }
      g = gradients.of(copy);
    }
    if (!g) continue;
    // One value may be the gradient of two parameters; each has its own place in the block.
    if (info(storage(g)).role == Role::gradient) g = scale(g, 1.0F);
    ValueInfo& i = info(storage(g));
    i.role = Role::gradient;
    i.parameter = static_cast<int>(p);
    i.name = "gradient of " + parameters_[p].name;
  }
}

}  // namespace fovea
