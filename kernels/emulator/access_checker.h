// access_checker.h - watches every read and write of a block's shared memory, in kernels that are
// compiled to say so (FOVEA_CHECK_ACCESSES). Finds races, reads of what nobody wrote, and bytes of
// a copy that has not been waited for, under any schedule: not by their results but by their order.
//
// Order is what barriers make: each thread has a clock that steps at its barriers, and knows of
// every other thread the clock up to which it has synchronised with it ("vector clocks"). Two
// accesses to a byte, one of them a write, are a race unless the later thread knows the clock of
// the earlier access. Each byte keeps its last write and its last two readers: a write that races
// with a third one only goes unseen. After Flanagan, Freund, "FastTrack" (PLDI 2009).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea::emulator {

enum class Access : std::uint8_t { read, write, atomic };

/// What is wrong with an access.
struct AccessFault {
  enum class Kind : std::uint8_t {
    none,
    outside,
    unwritten,
    in_flight,
    race_with_write,
    race_with_read
  };
  Kind kind = Kind::none;
  unsigned other = 0;    // the thread of the earlier access
  std::size_t byte = 0;  // the first one concerned, from the start of shared memory
};

/// The shared memory and the threads of one block.
class AccessChecker {
 public:
  /// For the next block.
  void reset(std::size_t bytes, unsigned threads);

  AccessFault access(unsigned thread, std::size_t offset, std::size_t bytes, Access kind);
  /// An asynchronous copy into [offset, offset + bytes) is issued; has been waited for.
  AccessFault copy_issued(unsigned thread, std::size_t offset, std::size_t bytes);
  void copy_landed(unsigned thread, std::size_t offset, std::size_t bytes);

  /// All threads of the block have met.
  void meet_all();
  /// What the others did before is known to each of `threads`.
  void meet(const std::vector<unsigned>& threads);
  /// The thread's past is given to `past`, for others to take later.
  void give(unsigned thread, std::vector<std::uint32_t>& past);
  void take(unsigned thread, const std::vector<std::uint32_t>& past);

 private:
  enum class State : std::uint8_t { unwritten, written, atomic, in_flight };
  struct Visit {
    std::uint32_t clock = 0;  // 0: nobody yet
    std::uint16_t thread = 0;
  };
  struct Cell {
    Visit write;
    Visit read[2];  // of different threads, the newest first
    State state = State::unwritten;
  };

  bool knows(unsigned thread, const Visit& visit) const;
  AccessFault::Kind check(unsigned thread, const Cell& cell, Access kind, unsigned* other) const;
  void note(unsigned thread, Cell& cell, Access kind) const;
  Cell& byte_cell(std::size_t byte);
  template <class F>
  void for_each_cell(std::size_t offset, std::size_t bytes, F&& f);

  // Most accesses are of whole words: a word has one cell until a part of it is accessed alone.
  std::vector<Cell> words_;
  std::vector<Cell> bytes_;           // of the words that are split
  std::vector<std::uint8_t> split_;   // whether a word is
  std::vector<std::uint32_t> clock_;  // of each thread
  std::vector<std::uint32_t> base_;   // what all know of each thread, by the last meet_all()
  std::vector<std::vector<std::uint32_t>> own_;  // what one knows beyond; empty: nothing
};

}  // namespace fovea::emulator
