// epilogue.h - what happens to a finished sum before it is stored, for convolution and linear.
#pragma once

#include <fovea/kernels/cuda/target.h>
#include <fovea/kernels/device/element.h>
#include <fovea/kernels/device/math.h>
#include <fovea/kernels/ops/conv.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// What each pass here can do.
inline constexpr Epilogue kForwardEpilogues{.bias = true, .relu = true, .tanh = true};
inline constexpr Epilogue kDgradEpilogues{.mask = true, .acc = true};
inline constexpr Epilogue kWgradEpilogues{.acc = true, .db = true};

/// y = activation(sum + b[column]).
struct ForwardEpilogue {
  const float* bias = nullptr;  // nullptr: none
  bool relu = false, tanh = false;

  /// All but tanh.
  __device__ __forceinline__ float linear(float sum, int column) const {
    if (bias != nullptr) sum += bias[column];
    return relu && sum <= 0.0F ? 0.0F : sum;  // NaN stays NaN
  }
  __device__ float operator()(float sum, int column) const {
    sum = linear(sum, column);
    return tanh ? FOVEA_TARGET::tanh(sum) : sum;
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

inline ForwardEpilogue forward_epilogue(const Epilogue& e, const TensorView& bias) {
  return {.bias = e.bias ? bias.as<float>() : nullptr, .relu = e.relu, .tanh = e.tanh};
}
template <class E = float>
DgradEpilogue<E> dgrad_epilogue(const Epilogue& e, const TensorView& mask) {
  return {.mask = e.mask ? mask.as<E>() : nullptr, .accumulate = e.acc};
}

}  // namespace fovea::FOVEA_TARGET
