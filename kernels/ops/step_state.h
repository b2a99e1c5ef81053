// step_state.h - what changes from step to step, in device memory, so that the same launches can
// be replayed: one small copy writes it before the step, kernels read it.
#pragma once

#include <cstdint>
#include <type_traits>

namespace fovea {

struct StepState {
  std::uint64_t seed = 1;       // of the run
  std::uint64_t step = 0;       // of the run, from 0
  std::uint64_t first_row = 0;  // global index of this batch's first image in the step's batch
  float learning_rate = 0.0F;
  std::int32_t valid = 0;       // rows of this batch that count; the rest give no loss, no gradient
  std::int32_t slot = 0;        // where metrics go in the ring: step modulo its length
  std::uint32_t nonfinite = 0;  // set by the loss and the gradient check; then no update happens
};
static_assert(std::is_trivially_copyable_v<StepState> && sizeof(StepState) == 40);

}  // namespace fovea
