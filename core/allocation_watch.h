// allocation_watch.h - how often a thread asked the upstreams for memory: a step, and what a
// kernel's launcher does, must not. Internal.
#pragma once

#include <fovea/core/api.h>

#include <cstdint>

namespace fovea {

/// Allocations of the calling thread from default_resource() and pinned_resource() so far; those of
/// 0 bytes do not count.
FOVEA_API std::uint64_t allocations_of_this_thread() noexcept;

/// For the upstreams.
void count_allocation() noexcept;

}  // namespace fovea
