#include <fovea/layers/fuse.h>

#include <algorithm>
#include <set>

namespace fovea {
namespace {

// The graph being fused, with the questions that the rules ask.
class Fusion {
 public:
  Fusion(Graph& graph, const Target& target, const std::vector<std::string>& keep)
      : graph_{graph}, target_{target}, dead_(graph.nodes().size(), false) {
    for (const std::string& name : keep) kept_.insert(graph.storage(graph.find(name)).id());
  }

  std::size_t size() const { return dead_.size(); }
  bool alive(std::size_t i) const { return !dead_[i]; }
  Node& node(std::size_t i) { return graph_.nodes()[i]; }
  void remove(std::size_t i) { dead_[i] = true; }
  bool same(Value a, Value b) const { return a && b && graph_.storage(a) == graph_.storage(b); }

  // The only node that reads `v`, or size() where there are none, several, or `v` is kept; what a
  // parameter's gradient is read by stands outside the graph.
  std::size_t only_reader(Value v) {
    if (kept_.contains(graph_.storage(v).id())) return size();
    if (graph_.info(graph_.storage(v)).role == Role::gradient) return size();
    std::size_t reader = size();
    for (std::size_t i = 0; i < size(); ++i) {
      if (!alive(i)) continue;
      for (const Value& in : node(i).inputs) {
        if (!same(in, v)) continue;
        if (reader != size()) return size();
        reader = i;
      }
    }
    return reader;
  }

  // The node that first writes `v`, or size().
  std::size_t writer(Value v) {
    for (std::size_t i = 0; i < size(); ++i) {
      if (!alive(i)) continue;
      for (const Value& out : node(i).outputs) {
        if (same(out, v)) return i;
      }
    }
    return size();
  }

  template <class Tag>
  const typename Tag::Problem* problem(std::size_t i) {
    return i < size() && alive(i) ? problem_as<Tag>(*node(i).op) : nullptr;
  }

  // Gives node i the problem with a larger epilogue, if no later entry of the list would have to
  // run it: to be joined must not cost the engine that was asked for first.
  template <class Tag>
  bool widen(std::size_t i, typename Tag::Problem p) {
    if (!joins<Tag, Tag>(i, p, *problem<Tag>(i))) return false;
    node(i).op = std::make_shared<OpOf<Tag>>(p);
    return true;
  }

  // Whether no later entry of node i's list would run `joined` than runs `first` alone.
  template <class Joined, class First>
  bool joins(std::size_t i, const typename Joined::Problem& joined,
             const typename First::Problem& first) {
    return may_join<Joined, First>(target_.registry, joined, first, target_.device, target_.math,
                                   target_.policy, node(i).layer);
  }

  void replace_reads(Value from, Value to) {
    for (std::size_t i = 0; i < size(); ++i) {
      if (!alive(i)) continue;
      for (Value& in : node(i).inputs) {
        if (same(in, from)) in = to;
      }
    }
  }

  bool is_arena_value(Value v) const {
    return graph_.info(graph_.storage(v)).role == Role::activation;
  }

  void sweep() {
    std::vector<Node> left;
    for (std::size_t i = 0; i < size(); ++i) {
      if (alive(i)) left.push_back(std::move(graph_.nodes()[i]));
    }
    graph_.nodes() = std::move(left);
  }

 private:
  Graph& graph_;
  const Target& target_;
  std::vector<bool> dead_;
  std::set<int> kept_;
};

// conv -> add_bias -> relu or tanh.
template <class Tag>
void fuse_forward(Fusion& f, std::size_t i) {
  const auto* p = f.problem<Tag>(i);
  if (p == nullptr) return;
  const std::size_t bias = f.only_reader(f.node(i).outputs[0]);
  if (f.problem<AddBias>(bias) == nullptr) return;
  auto wide = *p;
  wide.epilogue.bias = true;
  if (!f.widen<Tag>(i, wide)) return;
  f.node(i).inputs[2] = f.node(bias).inputs[1];
  f.node(i).outputs[0] = f.node(bias).outputs[0];
  f.remove(bias);

  const std::size_t act = f.only_reader(f.node(i).outputs[0]);
  const auto* a = f.problem<ActivationForward>(act);
  if (a == nullptr) return;
  (a->kind == Activation::relu ? wide.epilogue.relu : wide.epilogue.tanh) = true;
  if (!f.widen<Tag>(i, wide)) return;
  f.node(i).outputs[0] = f.node(act).outputs[0];
  f.remove(act);
}

// wgrad and the bias gradient of the same dy.
template <class Tag>
void fuse_bias_gradient(Fusion& f, std::size_t i) {
  const auto* p = f.problem<Tag>(i);
  if (p == nullptr || p->epilogue.db) return;
  for (std::size_t j = 0; j < f.size(); ++j) {
    if (f.problem<BiasGradient>(j) == nullptr ||
        !f.same(f.node(j).inputs[0], f.node(i).inputs[1])) {
      continue;
    }
    auto wide = *p;
    wide.epilogue.db = true;
    if (!f.widen<Tag>(i, wide)) return;
    f.node(i).outputs[1] = f.node(j).outputs[0];
    f.remove(j);
    return;
  }
}

// dgrad, then ReLU's derivative of the layer below.
template <class Tag>
void fuse_mask(Fusion& f, std::size_t i) {
  const auto* p = f.problem<Tag>(i);
  if (p == nullptr || p->epilogue.mask) return;
  const std::size_t act = f.only_reader(f.node(i).outputs[0]);
  const auto* a = f.problem<ActivationBackward>(act);
  if (a == nullptr || a->kind != Activation::relu ||
      !f.same(f.node(act).inputs[0], f.node(i).outputs[0])) {
    return;
  }
  auto wide = *p;
  wide.epilogue.mask = true;
  if (!f.widen<Tag>(i, wide)) return;
  f.node(i).inputs[2] = f.node(act).inputs[1];
  f.node(i).outputs[0] = f.node(act).outputs[0];
  f.remove(act);
}

// dgrad, then the sum with a gradient that is ready before it: added in place.
template <class Tag>
void fuse_accumulate(Fusion& f, std::size_t i) {
  const auto* p = f.problem<Tag>(i);
  if (p == nullptr || p->epilogue.acc || p->epilogue.mask) return;
  const Value dx = f.node(i).outputs[0];
  const std::size_t sum = f.only_reader(dx);
  if (f.problem<Add>(sum) == nullptr) return;
  const Node& add = f.node(sum);
  const Value other = f.same(add.inputs[0], dx) ? add.inputs[1] : add.inputs[0];
  const Value total = add.outputs[0];
  const bool ready = f.writer(other) < i && f.only_reader(other) == sum;
  if (!ready || !f.is_arena_value(other) || !f.is_arena_value(total)) return;
  auto wide = *p;
  wide.epilogue.acc = true;
  if (!f.widen<Tag>(i, wide)) return;
  f.node(i).outputs[0] = other;
  f.remove(sum);
  f.replace_reads(total, other);
}

// LRN -> max pooling.
void fuse_lrn_pool(Fusion& f, std::size_t i) {
  const auto* lrn = f.problem<LrnForward>(i);
  if (lrn == nullptr) return;
  const std::size_t next = f.only_reader(f.node(i).outputs[0]);
  const auto* pool = f.problem<MaxPoolForward>(next);
  if (pool == nullptr) return;
  const LrnPoolProblem both{.lrn = *lrn, .pool = *pool};
  if (!f.joins<LrnPoolForward, LrnForward>(i, both, *lrn)) return;
  f.node(i).outputs = f.node(next).outputs;
  f.node(i).op = std::make_shared<OpOf<LrnPoolForward>>(both);
  f.remove(next);
}

// Gradients of max pooling -> of LRN (-> of the ReLU whose output LRN read).
void fuse_lrn_pool_gradient(Fusion& f, std::size_t i) {
  const auto* pool = f.problem<MaxPoolBackward>(i);
  if (pool == nullptr) return;
  const std::size_t next = f.only_reader(f.node(i).outputs[0]);
  const auto* lrn = f.problem<LrnBackward>(next);
  if (lrn == nullptr || !f.same(f.node(next).inputs[1], f.node(i).outputs[0])) return;
  LrnPoolProblem both{.lrn = *lrn, .pool = *pool};
  if (!f.joins<LrnPoolBackward, LrnBackward>(next, both, *lrn)) return;
  const Value x = f.node(next).inputs[0];
  f.node(i).inputs = {x, f.node(i).inputs[1], f.node(i).inputs[0]};
  f.node(i).outputs = f.node(next).outputs;
  f.node(i).layer = f.node(next).layer;
  f.node(i).op = std::make_shared<OpOf<LrnPoolBackward>>(both);
  f.remove(next);

  const std::size_t act = f.only_reader(f.node(i).outputs[0]);
  const auto* a = f.problem<ActivationBackward>(act);
  if (a != nullptr && a->kind == Activation::relu && f.same(f.node(act).inputs[1], x) &&
      f.same(f.node(act).inputs[0], f.node(i).outputs[0])) {
    both.epilogue.mask = true;
    if (!f.widen<LrnPoolBackward>(i, both)) return;
    f.node(i).outputs = f.node(act).outputs;
    f.remove(act);
  }
}

}  // namespace

void fuse(Graph& graph, const Target& target, const std::vector<std::string>& keep) {
  Fusion f(graph, target, keep);
  for (std::size_t i = 0; i < f.size(); ++i) {
    fuse_forward<ConvForward>(f, i);
    fuse_forward<LinearForward>(f, i);
    fuse_bias_gradient<ConvWgrad>(f, i);
    fuse_bias_gradient<LinearWgrad>(f, i);
    fuse_accumulate<ConvDgrad>(f, i);
    fuse_accumulate<LinearDgrad>(f, i);
    fuse_mask<ConvDgrad>(f, i);
    fuse_mask<LinearDgrad>(f, i);
    fuse_lrn_pool(f, i);
    fuse_lrn_pool_gradient(f, i);
  }
  f.sweep();
}

}  // namespace fovea
