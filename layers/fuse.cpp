#include <fovea/layers/fuse.h>
#include <fovea/layers/fusion.h>

#include <utility>

namespace fovea {
namespace {

// conv -> add_bias -> relu or tanh.
template <class Tag>
void fuse_forward(Fusion& f, std::size_t i) {
  const auto* p = f.problem<Tag>(i);
  if (p == nullptr) return;
  const std::size_t bias = f.only_reader(f.node(i).outputs[0]);
  if (f.problem<AddBias>(bias) == nullptr) return;
  auto wide = *p;
  wide.epilogue.bias = true;
  if (!f.joins<Tag, Tag>(i, wide, *p)) return;
  Node with_bias = f.widened<Tag>(i, wide);
  with_bias.inputs[2] = f.node(bias).inputs[1];
  with_bias.outputs[0] = f.node(bias).outputs[0];

  const std::size_t act = f.only_reader(with_bias.outputs[0]);
  const auto* a = f.problem<ActivationForward>(act);
  if (a == nullptr) {
    f.join(i, std::move(with_bias), {bias});
    return;
  }
  auto wider = wide;
  (a->kind == Activation::relu ? wider.epilogue.relu : wider.epilogue.tanh) = true;
  Node with_both = f.widened<Tag>(i, wider);
  with_both.inputs[2] = with_bias.inputs[2];
  with_both.outputs[0] = f.node(act).outputs[0];
  const bool both = f.joins<Tag, Tag>(i, wider, wide);
  // Bias alone may not pay where all three do.
  if (f.join(i, std::move(with_bias), {bias})) {
    if (both) f.join(i, std::move(with_both), {act});
  } else if (both) {
    f.join(i, std::move(with_both), {bias, act});
  }
}

// A product with its bias and activation -> dropout. ReLU's derivative may read the activation too:
// behind the dropout it finds the same zeros, and where an element was dropped its gradient, which
// came through the dropout, is 0 already.
template <class Tag>
void fuse_dropout(Fusion& f, std::size_t i) {
  const auto* p = f.problem<Tag>(i);
  if (p == nullptr || p->epilogue.drop) return;
  const Value y = f.node(i).outputs[0];
  const auto dropout_of = [&](std::size_t n) { return f.problem<Dropout>(n); };
  std::size_t drop = f.size();
  for (const std::size_t reader : f.readers(y)) {
    if (dropout_of(reader) != nullptr) {
      if (drop != f.size()) return;
      drop = reader;
      continue;
    }
    const auto* a = f.problem<ActivationBackward>(reader);
    if (a == nullptr || a->kind != Activation::relu || !f.same(f.node(reader).inputs[1], y)) return;
    const std::size_t through = f.writer(f.node(reader).inputs[0]);
    if (dropout_of(through) == nullptr || drop == f.size() ||
        *dropout_of(through) != *dropout_of(drop)) {
      return;
    }
  }
  if (drop == f.size()) return;
  const DropoutProblem& d = *dropout_of(drop);
  auto wide = *p;
  wide.epilogue.drop = true;
  wide.drop = {d.rate, d.scale, d.layer};
  if (!f.joins<Tag, Tag>(i, wide, *p)) return;
  Node joined = f.widened<Tag>(i, wide);
  const Value dropped = f.node(drop).outputs[0];
  joined.outputs[0] = dropped;
  if (f.join(i, std::move(joined), {drop})) f.replace_reads(y, dropped);
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
    if (!f.joins<Tag, Tag>(i, wide, *p)) return;
    Node joined = f.widened<Tag>(i, wide);
    joined.outputs[1] = f.node(j).outputs[0];
    f.join(i, std::move(joined), {j});
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
  if (!f.joins<Tag, Tag>(i, wide, *p)) return;
  Node joined = f.widened<Tag>(i, wide);
  joined.inputs[2] = f.node(act).inputs[1];
  joined.outputs[0] = f.node(act).outputs[0];
  f.join(i, std::move(joined), {act});
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
  if (!f.joins<Tag, Tag>(i, wide, *p)) return;
  Node joined = f.widened<Tag>(i, wide);
  joined.outputs[0] = other;
  if (f.join(i, std::move(joined), {sum})) f.replace_reads(total, other);
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
  Node joined = f.widened<LrnPoolForward>(i, both);
  joined.outputs = f.node(next).outputs;
  f.join(i, std::move(joined), {next});
}

// Gradients of max pooling -> of LRN (-> of the ReLU whose output LRN read).
void fuse_lrn_pool_gradient(Fusion& f, std::size_t i) {
  const auto* pool = f.problem<MaxPoolBackward>(i);
  if (pool == nullptr) return;
  const std::size_t next = f.only_reader(f.node(i).outputs[0]);
  const auto* lrn = f.problem<LrnBackward>(next);
  if (lrn == nullptr || !f.same(f.node(next).inputs[1], f.node(i).outputs[0])) return;
  const LrnPoolProblem both{.lrn = *lrn, .pool = *pool};
  if (!f.joins<LrnPoolBackward, LrnBackward>(next, both, *lrn)) return;
  const Value x = f.node(next).inputs[0];
  Node joined = f.widened<LrnPoolBackward>(i, both);
  joined.inputs = {x, f.node(i).inputs[1], f.node(i).inputs[0]};
  joined.outputs = f.node(next).outputs;
  joined.layer = f.node(next).layer;
  if (!f.join(i, std::move(joined), {next})) return;

  const std::size_t act = f.only_reader(f.node(i).outputs[0]);
  const auto* a = f.problem<ActivationBackward>(act);
  if (a != nullptr && a->kind == Activation::relu && f.same(f.node(act).inputs[1], x) &&
      f.same(f.node(act).inputs[0], f.node(i).outputs[0])) {
    LrnPoolProblem masked = both;
    masked.epilogue.mask = true;
    if (!f.joins<LrnPoolBackward, LrnPoolBackward>(i, masked, both)) return;
    Node with_mask = f.widened<LrnPoolBackward>(i, masked);
    with_mask.outputs = f.node(act).outputs;
    f.join(i, std::move(with_mask), {act});
  }
}

}  // namespace

void fuse(Graph& graph, const Target& target, const std::vector<std::string>& keep) {
  Fusion f(graph, target, keep);
  for (std::size_t i = 0; i < f.size(); ++i) {
    fold_input(f, i);
    fuse_forward<ConvForward>(f, i);
    fuse_forward<LinearForward>(f, i);
    fuse_dropout<ConvForward>(f, i);
    fuse_dropout<LinearForward>(f, i);
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
