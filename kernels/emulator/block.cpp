// block.cpp - the turns of a block's threads. See block.h.
#include <fovea/core/error.h>
#include <fovea/kernels/emulator/count_sample.h>
#include <fovea/kernels/emulator/turns.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace fovea::emu {
constinit thread_local uint3 threadIdx{0, 0, 0};
constinit thread_local uint3 blockIdx{0, 0, 0};
constinit thread_local dim3 blockDim{0, 0, 0};
constinit thread_local dim3 gridDim{0, 0, 0};
}  // namespace fovea::emu

namespace fovea::emulator {
namespace {

// splitmix64 of Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014).
std::uint64_t next_random(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

bool is_seeded(ThreadOrder order) {
  return order != ThreadOrder::in_order && order != ThreadOrder::reversed;
}

}  // namespace

constinit thread_local Block* Block::running_ = nullptr;

Block::Block() = default;
Block::~Block() = default;

Block& Block::running() {
  if (running_ == nullptr) {
    throw DeviceError("emulator: a device function was called outside a kernel; use launch()");
  }
  return *running_;
}

void Block::begin(const GridCall& call, const emu::uint3& index, const Schedule& schedule) {
  const bool same_order = schedule == schedule_ && !is_seeded(schedule.order);
  call_ = &call;
  index_ = index;
  schedule_ = schedule;
  const unsigned count = call.block.x * call.block.y * call.block.z;
  if (shape_ != call.block || !same_order) {
    shape_ = call.block;
    count_ = count;
    fiber_.resize(count);
    wait_.resize(count);
    position_.resize(count);
    for (unsigned t = 0; t < count; ++t) {
      position_[t] = {t % shape_.x, t / shape_.x % shape_.y, t / shape_.x / shape_.y};
    }
    order_.resize(count);
    std::iota(order_.begin(), order_.end(), std::uint16_t{0});
    if (schedule.order == ThreadOrder::reversed) std::reverse(order_.begin(), order_.end());
    warps_.resize((count + kWarpSize - 1) / kWarpSize);
  }
  state_.assign(count, State::unstarted);
  for (Barrier& b : barriers_) {
    b.arrived = 0;
    b.waiters = 0;
    b.past.clear();
  }
  for (WarpState& w : warps_) w.arrived = 0;
  runnable_ = count;
  ended_ = 0;
  cancelled_ = false;
  failure_ = nullptr;
  random_ = (static_cast<std::uint64_t>(schedule.order) << 56) ^
            (static_cast<std::uint64_t>(index.z) << 40) ^
            (static_cast<std::uint64_t>(index.y) << 20) ^ index.x;
  new_round();
  shared_.reset(call.shared_bytes);
  copies_.reset(count, schedule.copies);
  checked_ = call.checked && call.shared_bytes != 0;
  counting_ = false;
  if (checked_) checker_.reset(call.shared_bytes, count);
}

void Block::run(const GridCall& call, const emu::uint3& index, const Schedule& schedule,
                bool counting) {
  begin(call, index, schedule);
  counting_ = counting && call.counted;
  if (counting_) counter_.begin(count_);
  const std::uint64_t before = multiply_adds;
  emu::gridDim = call.grid;
  emu::blockDim = call.block;
  emu::blockIdx = index;
  running_ = this;
  Fiber& first = idle_fiber();
  enter(pick());
  running_fiber_ = &first;
  Fiber::switch_to(host_, first);
  running_ = nullptr;
  current_ = kNone;
  counter_.counts().multiply_adds = multiply_adds - before;
  if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
  if (!shared_.guards_intact()) {
    throw DeviceError(where(kNone, call.launched) +
                      "the block wrote outside its shared memory, just before or behind it");
  }
}

void Block::new_round() {
  turn_ = 0;
  if (!is_seeded(schedule_.order)) return;
  for (unsigned i = count_; i > 1; --i) {  // Fisher and Yates
    std::swap(order_[i - 1], order_[next_random(random_) % i]);
  }
}

Fiber& Block::idle_fiber() {
  if (idle_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(&Block::fiber_main, this, fibers_.size()));
    idle_.reserve(fibers_.size());
    return *fibers_.back();
  }
  Fiber& f = *idle_.back();
  idle_.pop_back();
  return f;
}

/// The next thread after one has ended; kNone when the block is over.
inline unsigned Block::next_after_end() {
  const unsigned next = pick();
  if (next != kNone || ended_ == count_) return next;
  record_failure(
      std::make_exception_ptr(DeviceError(where(current_, wait_[current_].at) + standstill())));
  return pick();
}

void Block::fiber_main(void* block) {
  Block& b = *static_cast<Block*>(block);
  for (;;) {
    const unsigned next = b.run_threads();
    Fiber& self = *b.running_fiber_;
    if (next != kNone) {
      b.enter(next);
      b.running_fiber_ = b.fiber_[next];
    }
    b.idle_.push_back(&self);  // room was reserved: does not throw
    Fiber::switch_to(self, next != kNone ? *b.running_fiber_ : b.host_);
  }
}

/// Runs the current thread, and whichever fresh ones follow, to their ends. Returns the next
/// thread, which has a fiber of its own; kNone when the block is over.
unsigned Block::run_threads() {
  for (;;) {
    try {
      call_->thread(call_->closure);
      if (copies_.used()) {
        if (const AsyncCopy* copy = copies_.unfinished(current_); copy != nullptr) {
          fail("the thread ended without waiting for this asynchronous copy", copy->at);
        }
      }
    } catch (const Cancelled&) {
    } catch (...) {
      record_failure(std::current_exception());
    }
    if (counting_) counter_.ended(current_);
    state_[current_] = State::ended;
    ++ended_;
    const unsigned next = next_after_end();
    if (next == kNone || state_[next] != State::unstarted) return next;
    enter(next);
  }
}

/// Keeps the block's first failure and sends all waiting threads to their end.
void Block::record_failure(std::exception_ptr failure) {
  if (cancelled_) return;
  if (failure_ == nullptr) failure_ = std::move(failure);  // else an access was blamed before
  cancelled_ = true;
  for (unsigned t = 0; t < count_; ++t) {
    if (t == current_) continue;
    if (state_[t] == State::waiting) wake(t);
    if (state_[t] == State::unstarted) {
      state_[t] = State::ended;
      ++ended_;
      --runnable_;
    }
  }
}

void* Block::shared(std::size_t bytes, const Site& at) {
  if (bytes > shared_.bytes()) {
    fail("shared memory of " + std::to_string(bytes) + " bytes is used, but the launch gave " +
             std::to_string(shared_.bytes()) + "; set Launch::smem to sizeof of the block's struct",
         at);
  }
  return shared_.data();
}

void Block::async_copy(void* to, const void* from, unsigned bytes, bool valid, const Site& at) {
  require_shared(to, bytes, at);
  if (valid) require_aligned(from, bytes, at);
  const AsyncCopy copy{static_cast<std::byte*>(to), static_cast<const std::byte*>(from), bytes,
                       valid, at};
  if (checked_) check_copies(copy, true);
  if (counting_) count_copy(copy);
  copies_.issue(current_, copy);
}

void Block::async_commit() { copies_.commit(current_); }

void Block::async_wait(unsigned open) {
  copies_.wait(current_, open, [this](const AsyncCopy& copy) {
    if (checked_) check_copies(copy, false);
  });
}

}  // namespace fovea::emulator
