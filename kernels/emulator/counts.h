// counts.h - the work of kernels, counted while they run: what a profiler of the card would count,
// and the same in every run. Needs kernels that say what they access (FOVEA_COUNT_ACCESSES).
//
// A request is what the lanes of a warp do at one instruction together. Lanes are fibers that run
// one after the other, so requests are put together afterwards: between two barriers, the accesses
// of the 32 lanes are walked in step, the lanes at the lowest instruction first, as a card does
// after lanes have parted ("min-PC"). Registers, the stack and kernel parameters are no memory.
#pragma once

#include <fovea/core/api.h>

#include <cstdint>

namespace fovea::emulator {

/// Sums over launches.
struct Counts {
  std::uint64_t read_requests = 0, read_sectors = 0;    // global memory; sectors of 32 bytes
  std::uint64_t write_requests = 0, write_sectors = 0;  // atomics count as writes
  std::uint64_t shared_requests = 0;
  std::uint64_t bank_conflicts =
      0;                            // further cycles of shared memory beyond the first of a request
  std::uint64_t shared_cycles = 0;  // of 128 bytes at most
  std::uint64_t multiply_adds = 0;  // fma() of all threads
  std::uint64_t matrix_operations = 0;  // tensor-core instructions, one a warp
  std::uint64_t barriers = 0;           // __syncthreads(), one a block
  std::uint64_t launches = 0, blocks = 0;
  std::uint64_t blocks_counted = 0;  // fewer than blocks: the sums were scaled up

  Counts& operator+=(const Counts& o);
  friend bool operator==(const Counts&, const Counts&) = default;
};

/// While it lives, grids that the calling thread runs add to `counts`, if their kernels say what
/// they access. Of a grid with more than about `accesses` accesses only every so-many-th block
/// runs, its sums are scaled up, and its results are worthless. Nests; other threads do not see it.
class FOVEA_API ScopedCounting {
 public:
  explicit ScopedCounting(Counts& counts, std::uint64_t accesses = ~std::uint64_t{0});
  ~ScopedCounting();
  ScopedCounting(const ScopedCounting&) = delete;
  ScopedCounting& operator=(const ScopedCounting&) = delete;

  /// The calling thread's innermost one; nullptr where there is none.
  static ScopedCounting* current();
  Counts& counts() const { return *counts_; }
  std::uint64_t accesses() const { return accesses_; }

 private:
  Counts* counts_;
  std::uint64_t accesses_;
  ScopedCounting* outer_;
};

/// Whether this translation unit's kernels say what they access to be counted.
#ifdef FOVEA_COUNT_ACCESSES
constexpr bool kCountedAccesses = true;
#else
constexpr bool kCountedAccesses = false;
#endif

/// Notes `n` multiply-adds of the running thread.
FOVEA_API void count_multiply_adds(unsigned n);

}  // namespace fovea::emulator
