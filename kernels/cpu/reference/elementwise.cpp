// elementwise.cpp - activations, sums, scaling, bias, dropout by their definitions (elementwise.h).
#include <fovea/core/philox.h>
#include <fovea/kernels/cpu/reference/parts.h>

#include <cmath>

namespace fovea::reference {
namespace {

constexpr std::int64_t kGrain = 4096;

template <class F>
void for_each(std::int64_t count, const F& f) {
  parallel(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) f(i);
  });
}

void activation_forward(const ActivationProblem& p, const ActivationForward::Args& args,
                        Floats& floats) {
  const float* x = floats.in(args.x);
  float* y = floats.out(args.y);
  for_each(p.count, [&](std::int64_t i) {
    const double v = x[i];
    y[i] = static_cast<float>(p.kind == Activation::relu ? relu(v) : std::tanh(v));
  });
}

void activation_backward(const ActivationProblem& p, const ActivationBackward::Args& args,
                         Floats& floats) {
  const float* dy = floats.in(args.dy);
  const float* y = floats.in(args.y);
  float* dx = floats.out(args.dx);
  for_each(p.count, [&](std::int64_t i) {
    const double out = y[i];
    if (p.kind == Activation::relu) {
      dx[i] = out > 0 ? dy[i] : 0.0F;
    } else {
      dx[i] = static_cast<float>(dy[i] * (1 - out * out));
    }
  });
}

void scale(const ScaleProblem& p, const Scale::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  float* y = floats.out(args.y);
  for_each(p.count, [&](std::int64_t i) { y[i] = p.factor * x[i]; });
}

void add(const AddProblem& p, const Add::Args& args, Floats& floats) {
  const float* a = floats.in(args.a);
  const float* b = floats.in(args.b);
  float* y = floats.out(args.y);
  for_each(p.count, [&](std::int64_t i) { y[i] = a[i] + b[i]; });
}

void add_bias(const BiasProblem& p, const AddBias::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  const float* b = floats.in(args.b);
  float* y = floats.out(args.y);
  for_each(p.rows * p.channels, [&](std::int64_t i) { y[i] = x[i] + b[i % p.channels]; });
}

void bias_gradient(const BiasProblem& p, const BiasGradient::Args& args, Floats& floats) {
  column_sums(p.rows, p.channels, floats.in(args.dy), floats.out(args.db), false);
}

void dropout(const DropoutProblem& p, const Dropout::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  float* y = floats.out(args.y);
  const Dropping drop({p.rate, p.scale, p.layer}, state_of(args.context, "dropout"), p.per_image);
  for_each(p.images * p.per_image,
           [&](std::int64_t i) { y[i] = static_cast<float>(drop(double{x[i]}, i)); });
}

}  // namespace

void add_elementwise(Registry& registry) {
  add_loops<ActivationForward>(registry, activation_forward);
  add_loops<ActivationBackward>(registry, activation_backward);
  add_loops<Scale>(registry, scale);
  add_loops<Add>(registry, add);
  add_loops<AddBias>(registry, add_bias);
  add_loops<BiasGradient>(registry, bias_gradient);
  add_loops<Dropout>(registry, dropout);
}

}  // namespace fovea::reference
