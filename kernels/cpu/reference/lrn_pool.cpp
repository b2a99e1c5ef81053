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

void lrn_pool_forward(const LrnPoolProblem& p, const LrnPoolForward::Args& a) {
  const TensorView normalised = plane_between(p, a.context);
  lrn_forward(p.lrn, {a.x, normalised, {}});
  max_pool_forward(p.pool, {normalised, a.y, a.argmax, {}});
}

void lrn_pool_backward(const LrnPoolProblem& p, const LrnPoolBackward::Args& a) {
  const TensorView won = plane_between(p, a.context);
  max_pool_backward(p.pool, {a.dy, a.argmax, won, {}});
  lrn_backward(p.lrn, {a.x, won, a.dx, {}});
  if (!p.epilogue.mask) return;
  const float* x = a.x.as<float>();
  float* dx = a.dx.as<float>();
  for (std::int64_t i = 0; i < p.x_shape().elements(); ++i) {
    if (!(x[i] > 0)) dx[i] = 0;
  }
}

}  // namespace

void add_lrn_pool(Registry& registry) {
  registry.add(
      host_algorithm<LrnPoolForward>("reference", "loops", lrn_pool_forward, {}, plane_bytes));
  registry.add(
      host_algorithm<LrnPoolBackward>("reference", "loops", lrn_pool_backward, {}, plane_bytes));
}

}  // namespace fovea::reference
