// measure.h - times of a launch. Internal.
#pragma once

#include <fovea/kernels/compare/compare.h>

#include <functional>

namespace fovea::compare {

/// Times `launch`, which only enqueues on `stream`. Cold: before each run a buffer twice the size
/// of the last-level cache is written. Wall times on cpu, events on cuda.
Times measure(const std::function<void()>& launch, StreamView stream, const DeviceInfo& device,
              const Options& options);

/// The clock that the SMs run at now, in MHz; 0 where it is not known.
double clock_mhz(const Device& device);

}  // namespace fovea::compare
