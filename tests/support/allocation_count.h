// allocation_count.h - how often this process asked the heap for memory. Linked into a program, it
// replaces malloc, its kin and operator new (not in a sanitizer's build, whose own they are).
#pragma once

#include <cstdint>

namespace fovea::test {

/// False where a sanitizer owns the heap: nothing is counted then, and a test should be skipped.
bool counts_allocations();

/// Calls of malloc, calloc, realloc, aligned_alloc, posix_memalign and operator new so far, by any
/// thread, but those made from oneDNN's own code.
std::int64_t allocation_count();

/// Calls made from oneDNN's own code: it makes a small table of arguments in each call of a
/// primitive, which a user of oneDNN cannot change.
std::int64_t onednn_allocation_count();

}  // namespace fovea::test
