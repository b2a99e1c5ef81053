// fusion.h - the graph while it is fused, with the questions that the rules of fuse.cpp and
// fold_input.cpp ask. Internal.
#pragma once

#include <fovea/kernels/ops/choose.h>
#include <fovea/layers/graph.h>
#include <fovea/layers/op.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

// Has every question answered with a time, also where there is nothing to choose from.
class EachTimed final : public Tuner {
 public:
  explicit EachTimed(Tuner& tuner) : tuner_{tuner} {}
  TuningAnswer fastest(const TuningQuestion& question) override {
    TuningQuestion q = question;
    q.alone_too = true;
    return tuner_.fastest(q);
  }

 private:
  Tuner& tuner_;
};

// The graph being fused, with the questions that the rules ask.
class Fusion {
 public:
  Fusion(Graph& graph, const Target& target, const std::vector<std::string>& keep)
      : graph_{graph}, target_{target}, timed_{target}, dead_(graph.nodes().size(), false) {
    if (target.policy.tuner)
      timed_.policy.tuner = std::make_shared<EachTimed>(*target.policy.tuner);
    for (const std::string& name : keep) kept_.insert(graph.storage(graph.find(name)).id());
  }

  std::size_t size() const { return dead_.size(); }
  bool alive(std::size_t i) const { return !dead_[i]; }
  Node& node(std::size_t i) { return graph_.nodes()[i]; }
  void remove(std::size_t i) { dead_[i] = true; }
  bool same(Value a, Value b) const { return a && b && graph_.storage(a) == graph_.storage(b); }

  // The nodes that read `v`, once for each time they do; none where it is kept. What a parameter's
  // gradient is read by stands outside the graph.
  std::vector<std::size_t> readers(Value v) {
    std::vector<std::size_t> all;
    if (kept_.contains(graph_.storage(v).id())) return all;
    if (graph_.info(graph_.storage(v)).role == Role::gradient) return all;
    for (std::size_t i = 0; i < size(); ++i) {
      if (!alive(i)) continue;
      for (const Value& in : node(i).inputs) {
        if (same(in, v)) all.push_back(i);
      }
    }
    return all;
  }
  // The one that does, or size().
  std::size_t only_reader(Value v) {
    const std::vector<std::size_t> all = readers(v);
    return all.size() == 1 ? all.front() : size();
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

  // Node i with the problem that has a larger epilogue.
  template <class Tag>
  Node widened(std::size_t i, const typename Tag::Problem& p) {
    Node joined = node(i);
    joined.op = std::make_shared<OpOf<Tag>>(p);
    return joined;
  }

  // Puts `joined` in the place of node i, which is one of its parts; the others are gone. Not where
  // both ways were measured and the parts took less.
  bool join(std::size_t i, Node joined, std::initializer_list<std::size_t> others) {
    double apart = us_of(node(i));
    bool measured = apart > 0;
    for (const std::size_t other : others) {
      const double us = us_of(node(other));
      measured = measured && us > 0;
      apart += us;
    }
    if (measured && us_of(joined) > apart) return false;
    node(i) = std::move(joined);
    for (const std::size_t other : others) remove(other);
    return true;
  }

  // Puts nodes in the places of others that do the same on a value in another format. Not where
  // both ways were measured and the new one takes longer; where they were not, only if it is
  // `expected` to win.
  bool reformat(std::vector<std::pair<std::size_t, Node>> changed, Value v, const Shape& shape,
                bool expected) {
    double before = 0, after = 0;
    bool measured = true;
    const Shape as_it_was = graph_.info(v).shape;
    for (const auto& [i, to] : changed) {
      const double us = us_of(node(i));
      before += us;
      measured = measured && us > 0;
    }
    graph_.info(v).shape = shape;
    for (const auto& [i, to] : changed) {
      const double us = us_of(to);
      after += us;
      measured = measured && us > 0;
    }
    if (measured ? after > before : !expected) {
      graph_.info(v).shape = as_it_was;
      return false;
    }
    for (auto& [i, to] : changed) node(i) = std::move(to);
    return true;
  }
  Math math() const { return target_.math; }

  // What the node takes by the tuner, where its layer's list lets it choose; else 0.
  double us_of(const Node& n) {
    const Policy& policy = timed_.policy;
    const auto& list = policy.for_layer(n.layer);
    if (!policy.tuner || std::ranges::find(list, kFastest, &EngineName::engine) == list.end() ||
        (policy.recorded && policy.must_repeat)) {
      return 0;
    }
    std::vector<TensorView> operands;
    for (const auto* values : {&n.inputs, &n.outputs}) {
      for (const Value& v : *values) {
        operands.push_back(v ? TensorView{nullptr, graph_.info(v).dtype, graph_.info(v).shape}
                             : TensorView{});
      }
    }
    try {
      return n.op->prepare(timed_, n.layer, operands).choice.us;
    } catch (const Unsupported&) {  // alone nothing runs it
      return 0;
    }
  }

  // To be joined must not cost the engine that was asked for first: whether no later entry of node
  // i's list would run `joined` than runs `first` alone.
  template <class Joined, class First>
  bool joins(std::size_t i, const typename Joined::Problem& joined,
             const typename First::Problem& first) {
    return may_join<Joined, First>(target_.registry, joined, first, target_.device, target_.math,
                                   target_.policy, node(i).layer);
  }

  // Whether something in the list of node i's layer can run the problem.
  template <class Tag>
  bool runs(std::size_t i, const typename Tag::Problem& p) {
    Policy policy = target_.policy;
    policy.recorded = nullptr;
    return may_join<Tag, Tag>(target_.registry, p, p, target_.device, target_.math, policy,
                              node(i).layer);
  }

  // The weights `w` of node i in another order, made by Tag.
  template <class Tag>
  Value derive(std::size_t i, Value w, const std::string& order, const typename Tag::Problem& p,
               const Shape& shape) {
    return graph_.derive(node(i).layer, w, order, shape, std::make_shared<OpOf<Tag>>(p));
  }
  bool is_weight(Value v) const { return graph_.is_weight(v); }

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

  // Leaves what is alive, and derived values that something reads.
  void sweep() {
    std::vector<Node> left;
    for (std::size_t i = 0; i < size(); ++i) {
      if (alive(i)) left.push_back(std::move(graph_.nodes()[i]));
    }
    graph_.nodes() = std::move(left);
    std::erase_if(graph_.derivations(), [this](const Node& n) {
      return std::ranges::none_of(graph_.nodes(), [&](const Node& reader) {
        return std::ranges::find(reader.inputs, n.outputs[0]) != reader.inputs.end();
      });
    });
  }

 private:
  Graph& graph_;
  const Target& target_;
  Target timed_;  // with a tuner that leaves nothing untimed
  std::vector<bool> dead_;
  std::set<int> kept_;
};

/// The rule of fold_input.cpp at node i.
void fold_input(Fusion& f, std::size_t i);

}  // namespace fovea
