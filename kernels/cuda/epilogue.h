// epilogue.h - what happens to a finished sum before it is stored, for convolution and linear.
#pragma once

#include <fovea/core/error.h>
#include <fovea/kernels/cuda/drop_draw.h>
#include <fovea/kernels/cuda/target.h>
#include <fovea/kernels/device/element.h>
#include <fovea/kernels/device/math.h>
#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/linear.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// What each pass here can do.
inline constexpr Epilogue kForwardEpilogues{.bias = true, .relu = true, .tanh = true, .drop = true};
inline constexpr Epilogue kDgradEpilogues{.mask = true, .acc = true};
inline constexpr Epilogue kWgradEpilogues{.acc = true, .db = true};

/// Dropout of y, element by element, as elementwise.h says.
struct DropEpilogue {
  const StepState* state = nullptr;  // nullptr: none
  DropDraw draw = {};
  std::int64_t per_image = 0;  // elements of y

  /// The values of elements at .. at + 3.
  __device__ __forceinline__ Vector<float, 4> operator()(const Vector<float, 4>& v,
                                                         std::int64_t at) const {
    const std::uint64_t e = element(at);
    const Philox philox = draw.numbers(*state);
    Bits4 bits = philox(e / 4);
    const auto in_call = static_cast<unsigned>(e % 4);
    if (in_call != 0) bits = joined(bits, philox(e / 4 + 1), in_call);
    Vector<float, 4> out;
#pragma unroll
    for (int l = 0; l < 4; ++l) out[l] = draw(v[l], bits.v[l]);
    return out;
  }
  __device__ __forceinline__ float operator()(float v, std::int64_t at) const {
    const std::uint64_t e = element(at);
    return draw(v, joined(draw.numbers(*state)(e / 4), {}, static_cast<unsigned>(e % 4)).v[0]);
  }

 private:
  __device__ __forceinline__ std::uint64_t element(std::int64_t at) const {  // of the step's batch
    return state->first_row * static_cast<std::uint64_t>(per_image) +
           static_cast<std::uint64_t>(at);
  }
  // Four of the eight, from number `from` of `first` on. Without an index, which would put them
  // into memory.
  static __device__ __forceinline__ Bits4 joined(Bits4 first, const Bits4& second, unsigned from) {
    if ((from & 1U) != 0) first = {first.v[1], first.v[2], first.v[3], second.v[0]};
    if ((from & 2U) == 0) return first;
    return (from & 1U) != 0 ? Bits4{first.v[2], first.v[3], second.v[1], second.v[2]}
                            : Bits4{first.v[2], first.v[3], second.v[0], second.v[1]};
  }
};

/// y = activation(sum + b[column]), then dropout.
struct ForwardEpilogue {
  const float* bias = nullptr;  // nullptr: none
  bool relu = false, tanh = false;
  DropEpilogue drop = {};

  /// Bias and ReLU.
  __device__ __forceinline__ float linear(float sum, int column) const {
    if (bias != nullptr) sum += bias[column];
    return relu && sum <= 0.0F ? 0.0F : sum;  // NaN stays NaN
  }
  /// Whether rest() does anything: many instructions, kept out of unrolled loops.
  __device__ __forceinline__ bool goes_on() const { return tanh || drop.state != nullptr; }
  /// What is done to element `at` of y after linear().
  __device__ __forceinline__ float rest(float v, std::int64_t at) const {
    if (tanh) v = FOVEA_TARGET::tanh(v);
    return drop.state != nullptr ? drop(v, at) : v;
  }
  __device__ float operator()(float sum, int column, std::int64_t at) const {
    return rest(linear(sum, column), at);
  }
};

/// dx = (what dx held) + (mask > 0 ? sum : 0); E: of dx and mask.
template <class E>
struct DgradEpilogue {
  const E* mask = nullptr;  // nullptr: none; else shape of dx
  bool accumulate = false;

  __device__ float operator()(float sum, const E* dx, std::int64_t at) const {
    if (mask != nullptr && !(load_float(mask + at) > 0.0F)) sum = 0.0F;
    return accumulate ? load_float(dx + at) + sum : sum;
  }
};

/// Of a forward call; y holds images of `per_image` elements.
template <class Problem, class Args>
ForwardEpilogue forward_epilogue(const Problem& p, const Args& a, std::int64_t per_image) {
  const Epilogue& e = p.epilogue;
  ForwardEpilogue f{
      .bias = e.bias ? a.b.template as<float>() : nullptr, .relu = e.relu, .tanh = e.tanh};
  if (!e.drop) return f;
  if (a.context.state == nullptr) {
    throw InvalidArgument("+drop: the step's state is missing; set Context::state");
  }
  f.drop = {a.context.state, {p.drop}, per_image};
  return f;
}
inline ForwardEpilogue forward_epilogue(const ConvProblem& p, const ConvForward::Args& a) {
  return forward_epilogue(p, a, std::int64_t{p.p()} * p.q() * p.k);
}
inline ForwardEpilogue forward_epilogue(const LinearProblem& p, const LinearForward::Args& a) {
  return forward_epilogue(p, a, p.n);
}
template <class E = float>
DgradEpilogue<E> dgrad_epilogue(const Epilogue& e, const TensorView& mask) {
  return {.mask = e.mask ? mask.as<E>() : nullptr, .accumulate = e.acc};
}

}  // namespace fovea::FOVEA_TARGET
