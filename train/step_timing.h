// step_timing.h - where the time of a training step goes, op by op, and what one graph saves.
#pragma once

#include <fovea/core/api.h>
#include <fovea/train/executor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

/// One launch of a step, or the copy of its input (op "input copy", no engine).
struct StepPart {
  std::string layer, op;
  Pass pass = Pass::forward;
  std::string engine, algorithm;
  std::int64_t flops = 0, bytes = 0;  // of the operands, each read or written once
  std::int64_t ns = 0;
};

struct StepTiming {
  /// In launch order, each from the mark before it to its own: they add up to launched_ns exactly.
  std::vector<StepPart> parts;
  std::int64_t launched_ns = 0;  // the step of median length, launch by launch
  /// The median step as training runs it: one graph where there is one, steps in a row, the next
  /// one's pictures copied meanwhile.
  std::int64_t replayed_ns = 0;
  std::int64_t replayed_p10_ns = 0, replayed_p90_ns = 0;
  int batch = 0;
  double images_per_second() const { return batch * 1e9 / static_cast<double>(replayed_ns); }
};

/// Times `steps` training steps each way, on seeded pictures, after three that warm up. `executor`
/// has its memory; its weights are initialised and then trained by these steps. Marks are events of
/// the device. Throws InvalidArgument for steps < 1, and on `emulated`, where time says nothing
/// about a GPU.
FOVEA_API StepTiming time_step(Executor& executor, Executor::PlanId training, int batch, int steps,
                               std::uint64_t seed = 1);

}  // namespace fovea
