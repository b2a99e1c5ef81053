// lrn_pool.cpp - LRN, then max pooling, one after the other with the plane between them in the
// workspace.
#include <fovea/kernels/cpu/reference/parts.h>

namespace fovea::reference {
namespace {

TensorView plane_between(const LrnPoolProblem& p, const Context& context) {
  return {context.workspace, DType::f32, p.x_shape()};
}
std::size_t plane_bytes(const LrnPoolProblem& p) {
  return static_cast<std::size_t>(p.x_shape().elements()) * sizeof(float);
}

void lrn_pool_forward(const LrnPoolProblem& p, const LrnPoolForward::Args& a, Floats& floats) {
  const TensorView normalised = plane_between(p, a.context);
  lrn_forward(p.lrn, {a.x, normalised, {}}, floats);
  max_pool_forward(p.pool, {normalised, a.y, a.argmax, {}}, floats);
}

void lrn_pool_backward(const LrnPoolProblem& p, const LrnPoolBackward::Args& a, Floats& floats) {
  const TensorView won = plane_between(p, a.context);
  max_pool_backward(p.pool, {a.dy, a.argmax, won, {}}, floats);
  lrn_backward(p.lrn, {a.x, won, a.dx, {}}, floats);
  if (!p.epilogue.mask) return;
  const float* x = floats.in(a.x);
  float* dx = floats.out(a.dx);
  for (std::int64_t i = 0; i < p.x_shape().elements(); ++i) {
    if (!(x[i] > 0)) dx[i] = 0;
  }
}

}  // namespace

void add_lrn_pool(Registry& registry) {
  add_loops<LrnPoolForward>(registry, lrn_pool_forward, {}, plane_bytes);
  add_loops<LrnPoolBackward>(registry, lrn_pool_backward, {}, plane_bytes);
}

}  // namespace fovea::reference
