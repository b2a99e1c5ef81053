// elementwise.cpp - activations, sums and scaling. ivdep: an output may be an input, element by
// element, which the compiler's overlap check would take for a reason not to vectorise.
#include <fovea/kernels/cpu/simd/math.h>
#include <fovea/kernels/cpu/simd/parts.h>

namespace fovea::simd {
namespace {

struct ReluLoop {
  static void run(std::int64_t begin, std::int64_t end, const float* x, float* y) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) y[i] = x[i] < 0 ? 0.0F : x[i];
  }
};

struct TanhLoop {
  static void run(std::int64_t begin, std::int64_t end, const float* x, float* y) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) y[i] = tanh(x[i]);
  }
};

struct ReluBackwardLoop {
  static void run(std::int64_t begin, std::int64_t end, const float* dy, const float* y,
                  float* dx) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) dx[i] = y[i] > 0 ? dy[i] : 0.0F;
  }
};

struct TanhBackwardLoop {
  static void run(std::int64_t begin, std::int64_t end, const float* dy, const float* y,
                  float* dx) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) dx[i] = dy[i] * (1.0F - y[i] * y[i]);
  }
};

struct ScaleLoop {
  static void run(std::int64_t begin, std::int64_t end, float factor, const float* x, float* y) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) y[i] = factor * x[i];
  }
};

struct AddLoop {
  static void run(std::int64_t begin, std::int64_t end, const float* a, const float* b, float* y) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) y[i] = a[i] + b[i];
  }
};

void activation_forward(const ActivationProblem& p, const ActivationForward::Args& args, Isa isa) {
  const float* x = args.x.as<float>();
  float* y = args.y.as<float>();
  if (p.kind == Activation::relu) {
    run_parts<ReluLoop>(isa, p.count, kGrain, x, y);
  } else {
    run_parts<TanhLoop>(isa, p.count, kGrain / 4, x, y);
  }
}

void activation_backward(const ActivationProblem& p, const ActivationBackward::Args& args,
                         Isa isa) {
  const float* dy = args.dy.as<float>();
  const float* y = args.y.as<float>();
  float* dx = args.dx.as<float>();
  if (p.kind == Activation::relu) {
    run_parts<ReluBackwardLoop>(isa, p.count, kGrain, dy, y, dx);
  } else {
    run_parts<TanhBackwardLoop>(isa, p.count, kGrain, dy, y, dx);
  }
}

void scale(const ScaleProblem& p, const Scale::Args& args, Isa isa) {
  run_parts<ScaleLoop>(isa, p.count, kGrain, p.factor,
                       static_cast<const float*>(args.x.as<float>()), args.y.as<float>());
}

void add(const AddProblem& p, const Add::Args& args, Isa isa) {
  const float* a = args.a.as<float>();
  const float* b = args.b.as<float>();
  run_parts<AddLoop>(isa, p.count, kGrain, a, b, args.y.as<float>());
}

}  // namespace

void add_elementwise(Registry& registry, Isa isa) {
  add_loops<ActivationForward>(registry, isa, activation_forward);
  add_loops<ActivationBackward>(registry, isa, activation_backward);
  add_loops<Scale>(registry, isa, scale);
  add_loops<Add>(registry, isa, add);
}

}  // namespace fovea::simd
