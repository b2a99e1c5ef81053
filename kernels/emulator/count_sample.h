// count_sample.h - which blocks of a grid are counted, and what is made of their sums.
#pragma once

#include <fovea/kernels/emulator/counts.h>

#include <cstdint>
#include <source_location>

namespace fovea::emulator {

/// A place in the source as a code address that no instruction has.
std::uintptr_t place_of(const std::source_location& at);

/// Multiply-adds of the calling host thread so far; kernels cannot see it.
extern constinit thread_local std::uint64_t multiply_adds;

/// One launch's sums over `blocks` blocks from those of c.blocks_counted.
Counts scaled_up(Counts c, std::uint64_t blocks);

/// Every so-many-th block is counted, so that a grid of blocks like this one has about `accesses`.
std::uint64_t stride_for(const Counts& block, std::uint64_t blocks, std::uint64_t accesses);

}  // namespace fovea::emulator
