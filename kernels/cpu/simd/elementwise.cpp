// elementwise.cpp - activations, sums and scaling. ivdep: an output may be an input, element by
// element, which the compiler's overlap check would take for a reason not to vectorise.
#include <fovea/kernels/cpu/simd/activation_loops.h>
#include <fovea/kernels/cpu/simd/parts.h>

namespace fovea::simd {
namespace {

struct ReluBackwardLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, const T* dy, const T* y, T* dx) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) dx[i] = where(widened(y[i]) > 0, dy[i]);
  }
};

struct TanhBackwardLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, const T* dy, const T* y, T* dx) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) {
      const float v = widened(y[i]);
      dx[i] = narrowed<T>(widened(dy[i]) * (1.0F - v * v));
    }
  }
};

struct ScaleLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, float factor, const T* x, T* y) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) y[i] = narrowed<T>(factor * widened(x[i]));
  }
};

struct AddLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, const T* a, const T* b, T* y) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i) y[i] = narrowed<T>(widened(a[i]) + widened(b[i]));
  }
};

template <class T>
void activation_forward(const ActivationProblem& p, const ActivationForward::Args& args, Isa isa) {
  const T* x = args.x.as<T>();
  T* y = args.y.as<T>();
  if (p.kind == Activation::relu) {
    run_parts<ReluLoop>(isa, p.count, kGrain, x, y);
  } else {
    run_parts<TanhLoop>(isa, p.count, kGrain / 4, x, y);
  }
}

template <class T>
void activation_backward(const ActivationProblem& p, const ActivationBackward::Args& args,
                         Isa isa) {
  const T* dy = args.dy.as<T>();
  const T* y = args.y.as<T>();
  T* dx = args.dx.as<T>();
  if (p.kind == Activation::relu) {
    run_parts<ReluBackwardLoop>(isa, p.count, kGrain, dy, y, dx);
  } else {
    run_parts<TanhBackwardLoop>(isa, p.count, kGrain, dy, y, dx);
  }
}

template <class T>
void scale(const ScaleProblem& p, const Scale::Args& args, Isa isa) {
  run_parts<ScaleLoop>(isa, p.count, kGrain, p.factor, static_cast<const T*>(args.x.as<T>()),
                       args.y.as<T>());
}

template <class T>
void add(const AddProblem& p, const Add::Args& args, Isa isa) {
  const T* a = args.a.as<T>();
  const T* b = args.b.as<T>();
  run_parts<AddLoop>(isa, p.count, kGrain, a, b, args.y.as<T>());
}

}  // namespace

void add_elementwise(Registry& registry, Isa isa) {
  add_loops<ActivationForward>(registry, isa, &ActivationForward::Args::y,
                               activation_forward<float>, activation_forward<bf16>);
  add_loops<ActivationBackward>(registry, isa, &ActivationBackward::Args::dx,
                                activation_backward<float>, activation_backward<bf16>);
  add_loops<Scale>(registry, isa, &Scale::Args::y, scale<float>, scale<bf16>);
  add_loops<Add>(registry, isa, &Add::Args::y, add<float>, add<bf16>);
}

}  // namespace fovea::simd
