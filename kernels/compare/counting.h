// counting.h - the emulator's counts as what a row says. Internal.
#pragma once

#include <fovea/kernels/compare/row.h>
#include <fovea/kernels/ops/registry.h>

#include <functional>

namespace fovea::compare {

/// counting_registry(), made once.
const Registry& counting_algorithms();

/// What `run` does on the emulated device. Of a launch with very many accesses a part of the blocks
/// is counted, always the same. `bytes`: of the operands.
Counted counted_work(const std::function<void()>& run, std::int64_t bytes);

}  // namespace fovea::compare
