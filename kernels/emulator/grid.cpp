// grid.cpp - see grid.h.
#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/emulator/block.h>
#include <fovea/kernels/emulator/count_sample.h>
#include <fovea/kernels/emulator/grid.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <numeric>
#include <string>

namespace fovea::emulator {
namespace {

std::string text(const emu::dim3& d) {
  return std::to_string(d.x) + " x " + std::to_string(d.y) + " x " + std::to_string(d.z);
}

void check_cpu() {
  static const bool able = __builtin_cpu_supports("x86-64-v3") != 0;
  if (!able) {
    throw DeviceError(
        "emulator: its kernels are built for x86-64-v3 (AVX2 and FMA; CPUs from about 2013), which "
        "this CPU lacks; use the device cpu");
  }
}

/// Which block has the i-th turn.
class BlockOrder {
 public:
  BlockOrder(std::int64_t count, ThreadOrder order) : count_{count}, order_{order} {
    if (order == ThreadOrder::in_order || order == ThreadOrder::reversed) return;
    // i -> a i + b (mod count) walks through all blocks, as a and count have no common factor.
    const auto seed = static_cast<std::int64_t>(order);
    step_ = count * (21 + 8 * seed) / 55 + 1;
    while (std::gcd(step_, count) != 1) ++step_;
    step_ %= count;
    first_ = count * seed / 7;
  }

  std::int64_t operator()(std::int64_t i) const {
    if (order_ == ThreadOrder::in_order) return i;
    if (order_ == ThreadOrder::reversed) return count_ - 1 - i;
    return static_cast<std::int64_t>((static_cast<__int128>(i) * step_ + first_) % count_);
  }

 private:
  std::int64_t count_;
  ThreadOrder order_;
  std::int64_t step_ = 1;
  std::int64_t first_ = 0;
};

/// The block runner of the calling host thread: its fibers are made once and used for all grids.
Block& this_threads_block() {
  thread_local const auto block = std::make_unique<Block>();
  return *block;
}

emu::uint3 position(const GridCall& call, std::int64_t index) {
  const auto b = static_cast<std::uint64_t>(index);
  return {static_cast<unsigned>(b % call.grid.x),
          static_cast<unsigned>(b / call.grid.x % call.grid.y),
          static_cast<unsigned>(b / call.grid.x / call.grid.y)};
}

void run_blocks(const GridCall& call, const Schedule& schedule, std::int64_t begin,
                std::int64_t end, std::int64_t count) {
  Block& block = this_threads_block();
  const BlockOrder order(count, schedule.order);
  for (std::int64_t i = begin; i < end; ++i) {
    block.run(call, position(call, order(i)), schedule);
  }
}

// Sums do not depend on which host thread counted what.
void run_counted(const GridCall& call, std::int64_t count, ScopedCounting& counting) {
  const auto run = [&call](std::int64_t index) {
    Block& block = this_threads_block();
    block.run(call, position(call, index), Schedule{}, true);
    Counts one = block.counts();
    one.blocks_counted = 1;
    return one;
  };
  // The block in the middle, away from the edges, says how many are affordable.
  const std::int64_t middle = count / 2;
  Counts sum = run(middle);
  const auto stride = static_cast<std::int64_t>(
      std::min(stride_for(sum, static_cast<std::uint64_t>(count), counting.accesses()),
               static_cast<std::uint64_t>(count)));
  std::mutex mutex;
  ThreadPool::shared().parallel_for((count + stride - 1) / stride, 1,
                                    [&](std::int64_t begin, std::int64_t end) {
                                      Counts part;
                                      for (std::int64_t i = begin; i < end; ++i) {
                                        const std::int64_t index = middle % stride + i * stride;
                                        if (index < count && index != middle) part += run(index);
                                      }
                                      const std::lock_guard lock(mutex);
                                      sum += part;
                                    });
  counting.counts() += scaled_up(sum, static_cast<std::uint64_t>(count));
}

}  // namespace

void check_launch(const GridCall& call) {
  check_cpu();
  const auto refuse = [&call](const std::string& why) {
    throw DeviceError(std::string("kernel ") + call.kernel + ", launched at " +
                      call.launched.file_name() + ":" + std::to_string(call.launched.line()) +
                      ": " + why);
  };
  const emu::dim3& g = call.grid;
  const emu::dim3& b = call.block;
  if (g.x == 0 || g.y == 0 || g.z == 0 || g.x > 0x7fffffffU || g.y > 65535 || g.z > 65535) {
    refuse("a grid of " + text(g) + " blocks; allowed are 1 to 2^31 - 1, 65535, 65535");
  }
  if (b.x == 0 || b.y == 0 || b.z == 0 || b.x > 1024 || b.y > 1024 || b.z > 64 ||
      b.x * b.y * b.z > kMaxThreadsPerBlock) {
    refuse("a block of " + text(b) + " threads; allowed are 1 to 1024 in all, z up to 64");
  }
  if (call.shared_bytes > kMaxSharedBytes) {
    refuse(std::to_string(call.shared_bytes) + " bytes of shared memory; the most is " +
           std::to_string(kMaxSharedBytes));
  }
}

void run_grid(const GridCall& call) {
  const std::int64_t count =
      static_cast<std::int64_t>(call.grid.x) * call.grid.y * call.grid.z;  // < 2^63: see the limits
  if (const Schedule* schedule = ScopedSchedule::current(); schedule != nullptr) {
    return run_blocks(call, *schedule, 0, count, count);
  }
  if (ScopedCounting* counting = ScopedCounting::current(); counting != nullptr && call.counted) {
    return run_counted(call, count, *counting);
  }
  ThreadPool::shared().parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
    run_blocks(call, Schedule{}, begin, end, count);
  });
}

}  // namespace fovea::emulator
