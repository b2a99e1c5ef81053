// block.h - the threads of one block as fibers of one host thread, and the scheduler that gives
// them their turns.
//
// A thread starts on the fiber of whoever ended before it, and gets a fiber of its own only when it
// waits: a kernel without barriers runs as a plain loop. A thread keeps its turn until it waits or
// ends; the turn then goes to the next thread that can run, round and round in the schedule's
// order. When none can run, the block is at a standstill, which is reported as an error.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/emulator/access_checker.h>
#include <fovea/kernels/emulator/access_counter.h>
#include <fovea/kernels/emulator/async_copies.h>
#include <fovea/kernels/emulator/fiber.h>
#include <fovea/kernels/emulator/grid.h>
#include <fovea/kernels/emulator/schedule.h>
#include <fovea/kernels/emulator/shared_memory.h>
#include <fovea/kernels/emulator/warp_state.h>

#include <array>
#include <cstdint>
#include <exception>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

namespace fovea::emulator {

using Site = std::source_location;

/// Runs blocks one after another; keeps its fibers and its memory from one to the next.
class FOVEA_API Block {
 public:
  Block();
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Runs block `index` of `call` to its end; `counting`: counts() are those of this block. Throws
  /// DeviceError for what its threads did wrong; all its threads have ended then, too.
  void run(const GridCall& call, const emu::uint3& index, const Schedule& schedule,
           bool counting = false);
  const Counts& counts() const { return counter_.counts(); }

  // What follows is called by the threads of the running block.

  /// The running block of the calling host thread. Throws DeviceError outside a kernel.
  static Block& running();
  /// The running block if its kernel was compiled to say what it accesses; else nullptr.
  // Inlined, unheard: what hears accesses must make none that are heard.
  __attribute__((always_inline, no_sanitize("thread"))) static Block* watched() {
    return running_ != nullptr && (running_->checked_ || running_->counting_) ? running_ : nullptr;
  }
  /// The running thread accesses memory, at the code address `place`, or at `at`.
  void accessed(const void* p, std::size_t bytes, Access kind, const void* place);
  void accessed(const void* p, std::size_t bytes, Access kind, const Site& at);
  /// Names kernel, block and thread that run on the calling host thread; empty outside a kernel.
  static std::string who_runs();

  /// The block's shared memory, checked to hold `bytes`.
  void* shared(std::size_t bytes, const Site& at);
  /// bar.sync: waits until `count` threads have arrived at barrier `id`. All of them must come from
  /// one place in the source if `same_site`. Returns the number of threads that came with
  /// `predicate` set, over this use of the barrier.
  unsigned barrier(unsigned id, unsigned count, bool predicate, bool same_site, const Site& at);
  /// bar.sync or bar.arrive, which counts without waiting, at barrier 1 to 15.
  void named_barrier(int id, int count, bool waits, const Site& at);
  /// Waits until all lanes in `mask` have come to the same operation; the last one carries it out
  /// for all of them. `operand` is this lane's part and stays valid while it waits.
  void collective(const char* what, unsigned mask, WarpOperation operation, void* operand,
                  const Site& at);
  /// cp.async: starts a copy of 4, 8 or 16 bytes to shared memory; zeros where `valid` is false.
  void async_copy(void* to, const void* from, unsigned bytes, bool valid, const Site& at);
  /// cp.async.commit_group and cp.async.wait_group: all groups but the newest `open` are there.
  void async_commit();
  void async_wait(unsigned open);
  /// Tensor-core instructions; each lane calls.
  void matrix_operations(unsigned count) {
    if (counting_ && current_ % kWarpSize == 0) counter_.counts().matrix_operations += count;
  }
  /// Reports an address that is not shared memory of this block or not a multiple of `bytes`.
  __attribute__((no_sanitize("thread"))) void require_shared(const void* p, unsigned bytes,
                                                             const Site& at) const {
    if (!shared_.contains(p, bytes)) refuse_place(p, bytes, at);
    require_aligned(p, bytes, at);
  }
  /// Reports an address that is not a multiple of `bytes`.
  void require_aligned(const void* p, unsigned bytes, const Site& at) const {
    if (reinterpret_cast<std::uintptr_t>(p) % bytes != 0) refuse_alignment(p, bytes, at);
  }
  /// Ends the block with a DeviceError that names kernel, block, the running thread and `at`.
  [[noreturn]] void fail(const std::string& what, const Site& at) const;

  unsigned threads() const { return count_; }
  unsigned thread() const { return current_; }  // x fastest, then y, then z
  const Schedule& schedule() const { return schedule_; }

 private:
  enum class State : std::uint8_t { unstarted, ready, waiting, ended };
  static constexpr unsigned kNone = ~0U;
  static constexpr unsigned kBarriers = 16;

  struct Wait {
    const char* what = "";
    Site at;
  };
  struct Barrier {
    unsigned arrived = 0;
    unsigned expected = 0;
    unsigned predicates = 0;  // of the running use
    unsigned result = 0;      // of the last complete use
    Site first;
    unsigned first_thread = 0;
    unsigned waiters = 0;
    std::array<std::uint16_t, kMaxThreadsPerBlock> waiting;
    std::vector<std::uint32_t> past;  // of those that have come, where accesses are checked
  };

  // block.cpp, turns.h: turns.
  static void fiber_main(void* block);
  void begin(const GridCall& call, const emu::uint3& index, const Schedule& schedule);
  unsigned run_threads();
  unsigned pick();
  void new_round();
  void enter(unsigned thread);
  void wait(const char* what, const Site& at);
  void suspend();
  void wake(unsigned thread);
  Fiber& idle_fiber();
  unsigned next_after_end();
  void record_failure(std::exception_ptr failure);

  // block_check.cpp: accesses, where they are checked.
  void check_meeting(Barrier& barrier, bool current_waits);
  void check_warp_meeting(unsigned mask);
  void check_copies(const AsyncCopy& copy, bool issued);
  AccessFault check_access(const void* p, std::size_t bytes, Access kind);
  void blame(const AccessFault& fault, const char* doing, const std::string& place);

  // block_count.cpp: accesses, where they are counted.
  void count_access(const void* p, std::size_t bytes, Access kind, std::uintptr_t place);
  void count_copy(const AsyncCopy& copy);

  // block_sync.cpp: barriers and warps.
  bool count_in(unsigned id, unsigned count, bool predicate, bool same_site, const Site& at);
  void release(Barrier& barrier, bool current_waits);
  [[noreturn]] void mismatch(unsigned id, unsigned count, const Site& at) const;

  [[noreturn]] void refuse_mask(const char* what, unsigned mask, unsigned lanes,
                                const Site& at) const;
  [[noreturn]] void refuse_lane(const char* what, unsigned mask, unsigned other,
                                const Site& at) const;

  // block_report.cpp: words.
  [[noreturn]] void refuse_place(const void* p, unsigned bytes, const Site& at) const;
  [[noreturn]] void refuse_alignment(const void* p, unsigned bytes, const Site& at) const;
  [[noreturn]] void stall() const;
  std::string where(unsigned thread, const Site& at) const;
  std::string standstill() const;
  std::string name(unsigned thread) const;

  static thread_local Block* running_;

  const GridCall* call_ = nullptr;
  emu::uint3 index_{};
  Schedule schedule_;
  unsigned count_ = 0;
  unsigned current_ = kNone;

  // Turns.
  std::vector<State> state_;
  std::vector<Fiber*> fiber_;         // of a thread that has one
  std::vector<Wait> wait_;            // of a waiting thread
  std::vector<emu::uint3> position_;  // threadIdx of each thread
  emu::dim3 shape_{0, 0, 0};          // that position_ is for
  std::vector<std::uint16_t> order_;  // of this round
  unsigned turn_ = 0;                 // place in order_ of the next to look at
  unsigned runnable_ = 0;             // threads that are unstarted or ready
  unsigned ended_ = 0;
  std::uint64_t random_ = 0;

  // Fibers.
  Fiber host_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  Fiber* running_fiber_ = nullptr;

  std::array<Barrier, kBarriers> barriers_;
  std::vector<WarpState> warps_;
  SharedMemory shared_;
  AsyncCopies copies_;
  AccessChecker checker_;
  AccessCounter counter_;
  bool checked_ = false, counting_ = false;

  bool cancelled_ = false;
  std::exception_ptr failure_;
};

}  // namespace fovea::emulator
