// access_counter.h - puts the accesses of a block's threads together to requests of warps, and
// counts them. See counts.h.
#pragma once

#include <fovea/kernels/emulator/access_checker.h>
#include <fovea/kernels/emulator/counts.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fovea::emulator {

enum class Space : std::uint8_t { global, shared };

class AccessCounter {
 public:
  /// For the next block.
  void begin(unsigned threads);
  /// One access at the code address `place`.
  void access(unsigned thread, Space space, std::uintptr_t address, std::size_t bytes, Access kind,
              std::uintptr_t place);
  /// The thread has ended; once its whole warp has, the warp's accesses are put together.
  void ended(unsigned thread);
  /// The lanes of a warp have met, or all threads at a barrier.
  void met(unsigned warp);
  void met_all();

  Counts& counts() { return counts_; }
  const Counts& counts() const { return counts_; }

 private:
  struct Entry {
    std::uint64_t what;      // place, space, kind, log2 of the bytes: equal for lanes in step
    std::uintptr_t address;  // the first byte
  };
  using Log = std::vector<Entry>;
  struct Warp {
    std::array<Log, 32> lane;
    unsigned ended = 0, lanes = 32;
  };

  void request(std::uint64_t what, std::span<std::uintptr_t> addresses);
  void put_together_in_step(Warp& warp, std::size_t length);
  void put_together(Warp& warp);

  std::vector<Warp> warps_;
  Counts counts_;
};

/// 32-byte sectors that accesses of `bytes` bytes at these addresses touch. Sorts them if need be.
unsigned sectors_of(std::span<std::uintptr_t> addresses, unsigned bytes);

/// Cycles in which shared memory serves them, and how many of these are conflicts. Accesses of 8
/// and 16 bytes go in parts of 16 and 8 lanes; a part takes as many cycles as the bank with the
/// most distinct words has of them.
struct SharedCycles {
  unsigned cycles = 0, conflicts = 0;
};
SharedCycles shared_cycles_of(std::span<const std::uintptr_t> addresses, unsigned bytes);

}  // namespace fovea::emulator
