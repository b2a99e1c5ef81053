// fold_input.cpp - pictures in the format of the first convolution: the input cast leaves them
// folded by its stride, so that no conversion stands between them.
#include <fovea/kernels/ops/space_to_depth.h>
#include <fovea/layers/fusion.h>

namespace fovea {
namespace {

// The problem of node i on an x in s2d, if it is `first` but for its epilogue and the engine that
// is asked for first takes it so.
template <class Tag>
bool add_folded(Fusion& f, std::size_t i, const ConvProblem& first,
                std::vector<std::pair<std::size_t, Node>>& changed) {
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
  std::vector<std::pair<std::size_t, Node>> changed;
  changed.emplace_back(i, f.widened<InputCast>(i, cast));
  for (const std::size_t reader : readers) {
    if (!add_folded<ConvForward>(f, reader, first, changed) &&
        !add_folded<ConvWgrad>(f, reader, first, changed)) {
      return;
    }
  }
  f.reformat(std::move(changed), x, shape, f.math() != Math::fp32);
}

}  // namespace fovea
