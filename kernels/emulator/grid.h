// grid.h - runs the blocks of one kernel launch on the host.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/emulator/vector_types.h>

#include <cstddef>
#include <source_location>

namespace fovea::emulator {

/// Limits of a launch, those of the cards that fovea targets.
inline constexpr unsigned kMaxThreadsPerBlock = 1024;
inline constexpr std::size_t kMaxSharedBytes = 227 * 1024;

/// Whether this translation unit's kernels say what they access.
#ifdef FOVEA_CHECK_ACCESSES
constexpr bool kCheckedAccesses = true;
#else
constexpr bool kCheckedAccesses = false;
#endif

/// One launch: how many threads, and what each of them does.
struct GridCall {
  emu::dim3 grid;
  emu::dim3 block;
  std::size_t shared_bytes = 0;
  const char* kernel = "";  // for messages; lives for ever
  std::source_location launched;
  void (*thread)(const void* closure) = nullptr;  // runs one thread
  const void* closure = nullptr;
  std::size_t closure_bytes = 0;
  bool checked = false;  // the kernel says what it accesses: see access_checker.h
  bool counted = false;  // likewise: see counts.h
};

/// Throws DeviceError where CUDA would refuse the launch: a zero or too large extent, too much
/// shared memory; and where this CPU cannot run kernels built for x86-64-v3.
FOVEA_API void check_launch(const GridCall& call);

/// Runs all blocks on the threads of ThreadPool::shared(), or in the calling thread alone under a
/// ScopedSchedule. Returns when the grid is done. Throws DeviceError for a fault of the kernel,
/// naming kernel, block, thread and instruction; other blocks may have run by then.
FOVEA_API void run_grid(const GridCall& call);

}  // namespace fovea::emulator
