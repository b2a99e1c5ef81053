// drop_draw.h - which elements dropout keeps, by elementwise.h: the rule of the op and of +drop.
#pragma once

#include <fovea/core/philox.h>
#include <fovea/kernels/device/target.h>
#include <fovea/kernels/ops/drop.h>
#include <fovea/kernels/ops/step_state.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

struct DropDraw {
  Drop drop = {};

  /// The step's numbers: call e / 4, number e % 4 for element e of the step's batch.
  __device__ __forceinline__ Philox numbers(const StepState& state) const {
    return {state.seed, stream_key(Purpose::dropout, drop.layer, state.step)};
  }
  /// The element, kept and scaled, or 0, by its number.
  __device__ __forceinline__ float operator()(float v, std::uint32_t bits) const {
    return uniform(bits) >= drop.rate ? v * drop.scale : 0.0F;
  }
};

}  // namespace fovea::FOVEA_TARGET
