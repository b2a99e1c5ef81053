// fold_weights.cpp - filters in the order of space_to_depth.h, by their definition
// (fold_weights.h).
#include <fovea/kernels/cpu/reference/parts.h>

namespace fovea::reference {
namespace {

// One block of u x u taps: its elements of ws.
void fold_block(const FoldWeightsProblem& p, const float* filter, int i, int j, float* ws) {
  for (int a = 0; a < p.u; ++a) {
    for (int b = 0; b < p.u; ++b) {
      const int row = p.u * i + a, column = p.u * j + b;
      const bool inside = row < p.r && column < p.s;
      const float* tap = filter + (std::int64_t{row} * p.s + column) * p.c;
      for (int c = 0; c < p.c; ++c) *ws++ = inside ? tap[c] : 0.0F;
    }
  }
}

void fold_weights(const FoldWeightsProblem& p, const FoldWeights::Args& args, Floats& floats) {
  const float* w = floats.in(args.w);
  float* ws = floats.out(args.ws);
  const Shape blocks = p.ws_shape();  // k, i, j, (a, b, c)
  for (std::int64_t block = 0; block < blocks.elements() / blocks[3]; ++block) {
    const float* filter = w + block / (blocks[1] * blocks[2]) * p.r * p.s * p.c;
    const int i = static_cast<int>(block / blocks[2] % blocks[1]);
    const int j = static_cast<int>(block % blocks[2]);
    fold_block(p, filter, i, j, ws + block * blocks[3]);
  }
}

}  // namespace

void add_fold_weights(Registry& registry) { add_loops<FoldWeights>(registry, fold_weights); }

}  // namespace fovea::reference
