// fold_weights.cpp - filters in the order of space_to_depth.h, by their definition
// (fold_weights.h).
#include <fovea/kernels/cpu/reference/folded_taps.h>
#include <fovea/kernels/cpu/reference/parts.h>

#include <algorithm>

namespace fovea::reference {
namespace {

void fold_weights(const FoldWeightsProblem& p, const FoldWeights::Args& args, Floats& floats) {
  const float* w = floats.in(args.w);
  float* ws = floats.out(args.ws);
  std::fill_n(ws, p.ws_shape().elements(), 0.0F);
  for_each_tap(p, w, ws, [&](const float* from, float* to) { std::copy_n(from, p.c, to); });
}

}  // namespace

void add_fold_weights(Registry& registry) { add_loops<FoldWeights>(registry, fold_weights); }

}  // namespace fovea::reference
