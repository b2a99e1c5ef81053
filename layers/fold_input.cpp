// fold_input.cpp - pictures in the format of the first convolution: the input cast leaves them
// folded by its stride, so that no conversion stands between them, and forward reads its weights
// from a derived value that lies so.
#include <fovea/kernels/ops/layout.h>
#include <fovea/kernels/ops/space_to_depth.h>
#include <fovea/layers/fusion.h>

namespace fovea {
namespace {

using Changes = std::vector<std::pair<std::size_t, Node>>;

// Node i on an x in s2d, if its problem is `first` but for the epilogue and the engine that is
// asked for first takes it so.
template <class Tag>
bool add_folded(Fusion& f, std::size_t i, const ConvProblem& first, Changes& changed) {
  const auto* p = f.problem<Tag>(i);
  if (p == nullptr) return false;
  ConvProblem plain = *p;
  plain.epilogue = {};
  ConvProblem on_folded = *p;
  on_folded.s2d = true;
  if (plain != first || !f.joins<Tag, Tag>(i, on_folded, *p)) return false;
  changed.emplace_back(i, f.widened<Tag>(i, on_folded));
  return true;
}

// Forward then reads the weights folded, too.
bool add_forward(Fusion& f, std::size_t i, const ConvProblem& first, Changes& changed) {
  const FoldWeightsProblem folding = folding_of_weights(first);
  if (f.problem<ConvForward>(i) == nullptr || !f.is_weight(f.node(i).inputs[1]) ||
      !f.runs<FoldWeights>(i, folding) || !add_folded<ConvForward>(f, i, first, changed)) {
    return false;
  }
  Value& w = changed.back().second.inputs[1];
  const Layout order = first.u == 2 ? Layout::s2d2 : Layout::s2d4;
  w = f.derive<FoldWeights>(i, w, std::string(name_of(order)), folding, folding.ws_shape());
  return true;
}

}  // namespace

// The input cast -> a first convolution and its weight gradient: x leaves the cast folded by the
// convolution's stride (space_to_depth.h). Wins on tensor cores: forward and wgrad together take 41
// % of the time in bf16 and 67 % in tf32; in fp32 forward loses more than wgrad wins (H200).
void fold_input(Fusion& f, std::size_t i) {
  const auto* input = f.problem<InputCast>(i);
  if (input == nullptr || input->fold.by != 1) return;
  const Value x = f.node(i).outputs[0];
  const std::vector<std::size_t> readers = f.readers(x);
  if (readers.empty() || f.problem<ConvForward>(readers.front()) == nullptr) return;
  ConvProblem first = *f.problem<ConvForward>(readers.front());
  first.epilogue = {};
  if (!can_fold(first)) return;
  const Shape shape = folded(first).x_shape();
  InputProblem cast = *input;
  cast.fold = {.by = first.u,
               .top = first.ph.begin,
               .left = first.pw.begin,
               .rows = static_cast<int>(shape[1]),
               .columns = static_cast<int>(shape[2])};
  if (!f.joins<InputCast, InputCast>(i, cast, *input)) return;
  Changes changed;
  changed.emplace_back(i, f.widened<InputCast>(i, cast));
  for (const std::size_t reader : readers) {
    if (!add_forward(f, reader, first, changed) &&
        !add_folded<ConvWgrad>(f, reader, first, changed)) {
      return;
    }
  }
  f.reformat(std::move(changed), x, shape, f.math() != Math::fp32);
}

}  // namespace fovea
