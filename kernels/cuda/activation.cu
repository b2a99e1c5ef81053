// activation.cu - ReLU and tanh, and their derivatives from the output alone.
// Mapping: pointwise.cuh. Bytes per element: forward 8, backward 12, the least possible; in bf16
// half of it.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/math.h>
#include <fovea/kernels/cuda/pointwise.cuh>

namespace fovea::FOVEA_TARGET {
namespace {

struct Relu {
  static constexpr Activation kKind = Activation::relu;
  __device__ float operator()(float x) const { return x <= 0 ? 0.0F : x; }  // NaN stays NaN
  __device__ float operator()(float dy, float y) const { return y > 0 ? dy : 0.0F; }
};

struct Tanh {
  static constexpr Activation kKind = Activation::tanh;
  __device__ float operator()(float x) const { return tanh(x); }
  __device__ float operator()(float dy, float y) const { return dy * fma(-y, y, 1.0F); }
};

template <class F>
Verdict can_run(const ActivationProblem& p, const DeviceInfo&) {
  return p.kind == F::kKind ? Verdict{} : Verdict::no("another activation");
}

template <class F>
void run_forward(const ActivationProblem& p, const ActivationForward::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) { run_pointwise(p.count, F{}, a.y.as<T>(), stream, a.x.as<T>()); });
}

template <class F>
void run_backward(const ActivationProblem& p, const ActivationBackward::Args& a,
                  StreamView stream) {
  by_type(a.y, [&]<class T>(T) {
    run_pointwise(p.count, F{}, a.dx.as<T>(), stream, a.dy.as<T>(), a.y.as<T>());
  });
}

}  // namespace

Algorithm<ActivationForward> relu_forward() {
  return make_algorithm<ActivationForward>(
      {.name = "relu", .run = run_forward<Relu>, .can_run = can_run<Relu>});
}
Algorithm<ActivationForward> tanh_forward() {
  return make_algorithm<ActivationForward>({.name = "tanh",
                                            .run = run_forward<Tanh>,
                                            .can_run = can_run<Tanh>,
                                            .exact_on_integers = false});
}
Algorithm<ActivationBackward> relu_backward() {
  return make_algorithm<ActivationBackward>(
      {.name = "relu", .run = run_backward<Relu>, .can_run = can_run<Relu>});
}
Algorithm<ActivationBackward> tanh_backward() {
  return make_algorithm<ActivationBackward>(
      {.name = "tanh", .run = run_backward<Tanh>, .can_run = can_run<Tanh>});
}

}  // namespace fovea::FOVEA_TARGET
