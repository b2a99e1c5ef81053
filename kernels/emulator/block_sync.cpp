// block_sync.cpp - barriers and warp operations: who waits for whom. See block.h.
#include <fovea/kernels/emulator/site_text.h>
#include <fovea/kernels/emulator/turns.h>
#include <fovea/kernels/emulator/warp.h>

#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace fovea::emulator {
namespace {

bool same(const Site& a, const Site& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

constexpr std::array<const char*, 16> kBarrierNames = {
    "__syncthreads()", "barrier 1",  "barrier 2",  "barrier 3", "barrier 4",  "barrier 5",
    "barrier 6",       "barrier 7",  "barrier 8",  "barrier 9", "barrier 10", "barrier 11",
    "barrier 12",      "barrier 13", "barrier 14", "barrier 15"};

}  // namespace

/// Counts the current thread; true if it is the last.
inline bool Block::count_in(unsigned id, unsigned count, bool predicate, bool same_site,
                            const Site& at) {
  Barrier& b = barriers_[id];
  if (b.arrived == 0) {
    b.expected = count;
    b.predicates = 0;
    b.first = at;
    b.first_thread = current_;
  } else if (b.expected != count || (same_site && !same(b.first, at))) {
    mismatch(id, count, at);
  }
  b.predicates += predicate ? 1U : 0U;
  if (checked_ && id != 0) checker_.give(current_, b.past);
  return ++b.arrived == b.expected;
}

unsigned Block::barrier(unsigned id, unsigned count, bool predicate, bool same_site,
                        const Site& at) {
  if (count_in(id, count, predicate, same_site, at)) {
    release(barriers_[id], true);
    wake(current_);  // and waits for its turn like everybody else
    turn_ = count_;
    suspend();
  } else {
    Barrier& b = barriers_[id];
    b.waiting[b.waiters++] = static_cast<std::uint16_t>(current_);
    wait(kBarrierNames[id], at);
  }
  return barriers_[id].result;
}

void Block::named_barrier(int id, int count, bool waits, const Site& at) {
  if (id < 1 || id >= static_cast<int>(kBarriers)) {
    fail("barrier " + std::to_string(id) + " does not exist: 1 to 15 do", at);
  }
  if (count <= 0 || count % static_cast<int>(kWarpSize) != 0 || count > static_cast<int>(count_)) {
    fail("barrier " + std::to_string(id) + " for " + std::to_string(count) +
             " threads: must be whole warps of this block",
         at);
  }
  if (waits) {
    static_cast<void>(
        barrier(static_cast<unsigned>(id), static_cast<unsigned>(count), false, false, at));
  } else if (count_in(static_cast<unsigned>(id), static_cast<unsigned>(count), false, false, at)) {
    release(barriers_[id], false);
  }
}

void Block::release(Barrier& b, bool current_waits) {
  if (counting_ && &b == barriers_.data()) counter_.met_all();
  if (checked_) check_meeting(b, current_waits);
  b.arrived = 0;
  b.result = b.predicates;
  for (unsigned i = 0; i < b.waiters; ++i) wake(b.waiting[i]);
  b.waiters = 0;
}

void Block::mismatch(unsigned id, unsigned count, const Site& at) const {
  const Barrier& b = barriers_[id];
  if (b.expected != count) {
    fail(std::string(kBarrierNames[id]) + " is used for " + std::to_string(count) +
             " threads here and for " + std::to_string(b.expected) + " by thread " +
             name(b.first_thread) + " at " + text(b.first),
         at);
  }
  fail("divergent barrier: this thread has come to a barrier other than that of thread " +
           name(b.first_thread) + ", which waits at " + text(b.first) +
           "; move the barrier out of the branch",
       at);
}

void Block::refuse_mask(const char* what, unsigned mask, unsigned lanes, const Site& at) const {
  if ((mask >> (current_ % kWarpSize) & 1U) == 0) {
    fail(std::string(what) + ": the mask lacks the calling lane", at);
  }
  fail(std::string(what) + ": the mask names lanes that do not exist; the block's last warp has " +
           std::to_string(lanes),
       at);
}

void Block::refuse_lane(const char* what, unsigned mask, unsigned other, const Site& at) const {
  const WarpState& w = warps_[current_ / kWarpSize];
  const unsigned first = other % kWarpSize;
  fail("divergent warp operation: this lane is at " + std::string(what) + ", thread " +
           name(other) + " is at " + wait_[other].what + " at " + text(w.at[first]) +
           (w.mask[first] != mask ? " with another mask" : ""),
       at);
}

void Block::collective(const char* what, unsigned mask, WarpOperation operation, void* operand,
                       const Site& at) {
  const unsigned lane = current_ % kWarpSize;
  const unsigned base = current_ - lane;
  const unsigned lanes = count_ - base < kWarpSize ? count_ - base : kWarpSize;
  const unsigned existing = lanes == kWarpSize ? ~0U : (1U << lanes) - 1U;
  if ((mask >> lane & 1U) == 0 || (mask & ~existing) != 0) refuse_mask(what, mask, lanes, at);
  WarpState& w = warps_[current_ / kWarpSize];
  if (const unsigned others = w.arrived & mask; others != 0) {
    const auto first = static_cast<unsigned>(std::countr_zero(others));
    if (w.mask[first] != mask || w.operation[first] != operation || !same(w.at[first], at)) {
      refuse_lane(what, mask, base + first, at);
    }
  }
  w.arrived |= 1U << lane;
  w.mask[lane] = mask;
  w.operation[lane] = operation;
  w.operand[lane] = operand;
  w.at[lane] = at;
  if ((w.arrived & mask) != mask) return wait(what, at);
  // What the operation touches are other lanes' registers.
  const bool counting = std::exchange(counting_, false);
  operation(w.operand.data(), mask);
  counting_ = counting;
  if (counting_ && mask == existing) counter_.met(current_ / kWarpSize);
  if (checked_ && operation == &run_nothing) check_warp_meeting(mask);
  w.arrived &= ~mask;
  for (unsigned rest = mask & ~(1U << lane); rest != 0; rest &= rest - 1) {
    wake(base + static_cast<unsigned>(std::countr_zero(rest)));
  }
}

}  // namespace fovea::emulator
