// pool_fuzz_test.cpp - a million random calls of the pool, and threads that share one.
//
// Oracles: blocks that are out never overlap and are aligned; what the pool and the adaptors count
// is the sum tracked here; each block is written by a task when it comes and read by a task when it
// goes, so on lazy streams memory that changes hands without an event is found out (shown by a
// resource that does just that); at the end all is one block per chunk again.
#include <fovea/core/error.h>
#include <fovea/core/philox.h>
#include <fovea/core/pool_resource.h>
#include <fovea/core/resource_adaptors.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace fovea {
namespace {

class Random {
 public:
  Random(std::uint64_t seed, std::uint32_t sequence)
      : bits_{seed, stream_key(Purpose::test, sequence, 0)} {}
  std::uint32_t below(std::uint32_t count) { return uniform_below(bits_(index_++)[0], count); }
  /// Log-uniform: as many sizes of 1 to 2 bytes as of 16 to 32 KiB.
  std::size_t size() { return 1 + below(1U << below(16)); }

 private:
  Philox bits_;
  std::uint64_t index_ = 0;
};

struct Block {
  std::byte* data;
  std::size_t bytes;
  std::uint64_t tag;
  std::size_t stream;  // last used there
};

/// First and last bytes of a block carry its tag.
void write_tag(const Block& b) {
  const std::size_t n = std::min(sizeof b.tag, b.bytes);
  std::memcpy(b.data, &b.tag, n);
  std::memcpy(b.data + b.bytes - n, &b.tag, n);
}

bool has_tag(const Block& b) {
  const std::size_t n = std::min(sizeof b.tag, b.bytes);
  // The last bytes were written last; where both ends overlap, they alone are whole.
  const bool ends = std::memcmp(b.data + b.bytes - n, &b.tag, n) == 0;
  return ends && (b.bytes < 2 * n || std::memcmp(b.data, &b.tag, n) == 0);
}

class Fuzz {
 public:
  Fuzz(const Device& device, MemoryResource& memory, std::uint64_t seed)
      : device_{device}, memory_{memory}, random_{seed, 0} {
    for (int i = 0; i < 4; ++i) {
      streams_.emplace_back(device);
      events_.emplace_back(device);
    }
  }

  /// One random call. False where the memory was full.
  bool step() {
    const std::uint32_t what = random_.below(1000);
    // Drifts between nearly empty and nearly full.
    const std::uint32_t allocates = (steps_++ / 5000) % 2 == 0 ? 560 : 400;
    if (what < allocates) return allocate();
    if (what < 980) return free_one(what % 8 == 0), true;
    streams_[what % 4].view().synchronize();
    return true;
  }

  void free_all() {
    while (!live_.empty()) free_one(false);
    for (const Stream& stream : streams_) stream.view().synchronize();
  }

  std::size_t live_bytes() const { return live_bytes_; }
  std::size_t live_rounded() const { return live_rounded_; }
  std::size_t count() const { return live_.size(); }
  int faults() const { return faults_; }

 private:
  bool allocate() {
    Block b{nullptr, random_.size(), ++tag_, random_.below(4)};
    const StreamView stream = streams_[b.stream];
    try {
      b.data = static_cast<std::byte*>(memory_.allocate(b.bytes, stream));
    } catch (const OutOfMemory&) {
      return false;
    }
    if (reinterpret_cast<std::uintptr_t>(b.data) % kAllocationAlignment != 0) ++faults_;
    const auto next = ranges_.lower_bound(b.data);
    if (next != ranges_.end() && b.data + b.bytes > next->first) ++faults_;
    if (next != ranges_.begin() && std::prev(next)->second > b.data) ++faults_;
    ranges_[b.data] = b.data + b.bytes;
    stream.enqueue([b] { write_tag(b); });
    live_.push_back(b);
    live_bytes_ += b.bytes;
    live_rounded_ += allocation_bytes(b.bytes);
    return true;
  }

  void free_one(bool elsewhere) {
    if (live_.empty()) return;
    std::swap(live_[random_.below(static_cast<std::uint32_t>(live_.size()))], live_.back());
    Block b = live_.back();
    live_.pop_back();
    ranges_.erase(b.data);
    if (elsewhere) {  // used on another stream, which waits as it must
      events_[b.stream].record(streams_[b.stream]);
      const std::size_t other = (b.stream + 1) % 4;
      streams_[other].view().wait(events_[b.stream]);
      b.stream = other;
    }
    const StreamView stream = streams_[b.stream];
    stream.enqueue([b, this] { faults_ += has_tag(b) ? 0 : 1; });
    memory_.deallocate(b.data, b.bytes, stream);
    live_bytes_ -= b.bytes;
    live_rounded_ -= allocation_bytes(b.bytes);
  }

  Device device_;
  MemoryResource& memory_;
  Random random_;
  std::vector<Stream> streams_;
  std::vector<Event> events_;
  std::vector<Block> live_;
  std::map<std::byte*, std::byte*> ranges_;
  std::uint64_t tag_ = 0, steps_ = 0;
  std::size_t live_bytes_ = 0, live_rounded_ = 0;
  int faults_ = 0;
};

void fuzz_pool(const Device& device, std::uint64_t seed, int steps) {
  SCOPED_TRACE("seed " + std::to_string(seed) + " on " + to_string(device));
  StatisticsResource upstream(default_resource(device));
  PoolResource pool(upstream, {.chunk_bytes = 64 << 10, .max_bytes = 1 << 20});
  StatisticsResource counted(pool);
  int refused = 0;
  {
    Fuzz fuzz(device, counted, seed);
    for (int i = 0; i < steps; ++i) {
      if (!fuzz.step()) ++refused;
      if (i % 10000 != 0) continue;
      ASSERT_NO_THROW(pool.verify());
      ASSERT_EQ(counted.statistics().current_bytes, fuzz.live_bytes());
      ASSERT_EQ(pool.usage().used_bytes, fuzz.live_rounded());
      ASSERT_EQ(pool.usage().upstream_bytes, upstream.statistics().current_bytes);
      ASSERT_LE(upstream.statistics().peak_bytes, std::size_t{1} << 20);
      ASSERT_EQ(fuzz.faults(), 0);
    }
    EXPECT_GT(refused, 0) << "the fuzz never filled the pool: it tests less than it says";
    EXPECT_LT(refused, steps / 4);
    fuzz.free_all();
    EXPECT_EQ(fuzz.faults(), 0);
  }
  EXPECT_EQ(counted.statistics().allocations, counted.statistics().deallocations);
  EXPECT_EQ(pool.usage().used_bytes, 0U);
  if (device.kind() == DeviceKind::cpu) {
    EXPECT_EQ(pool.usage().free_blocks, pool.usage().chunks) << "not all neighbours were merged";
  }
  const std::size_t held = pool.usage().upstream_bytes;
  EXPECT_EQ(pool.release(), held) << "a chunk did not come together again";
  EXPECT_EQ(upstream.statistics().current_bytes, 0U);
}

TEST(PoolFuzz, AMillionCallsOnOneListForAllStreams) { fuzz_pool(Device::cpu(), 1, 1000000); }

TEST(PoolFuzz, LazyStreamsSeeNoForeignMemory) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) fuzz_pool(Device::emulated(), seed, 60000);
}

/// Hands memory on at once, whatever stream it was freed on: the fault the pool must not have.
class Careless final : public MemoryResource {
 public:
  ~Careless() override {
    for (void* p : free_) default_resource(Device::cpu()).deallocate(p, kBytes, StreamView());
  }
  void* allocate(std::size_t, StreamView) override {
    if (free_.empty()) return default_resource(Device::cpu()).allocate(kBytes, StreamView());
    void* p = free_.back();
    free_.pop_back();
    return p;
  }
  void deallocate(void* p, std::size_t, StreamView) noexcept override { free_.push_back(p); }
  Device device() const override { return Device::emulated(); }

 private:
  static constexpr std::size_t kBytes = 1 << 16;
  std::vector<void*> free_;
};

TEST(PoolFuzz, TheOracleSeesMemoryThatChangesHandsWithoutAnEvent) {
  Careless memory;
  Fuzz fuzz(Device::emulated(), memory, 1);
  for (int i = 0; i < 5000; ++i) fuzz.step();
  fuzz.free_all();
  EXPECT_GT(fuzz.faults(), 100);
}

/// Blocks on their way from one thread to another, their events recorded.
class Mailbox {
 public:
  struct Letter {
    Block block;
    Event written;
  };
  void put(Letter letter) {
    const std::lock_guard lock(mutex_);
    letters_.push_back(std::move(letter));
  }
  std::optional<Letter> take() {
    const std::lock_guard lock(mutex_);
    if (letters_.empty()) return std::nullopt;
    Letter letter = std::move(letters_.back());
    letters_.pop_back();
    return letter;
  }

 private:
  std::mutex mutex_;
  std::vector<Letter> letters_;
};

/// A thread's life: allocate, write, keep or send; receive, wait, check, free.
void soak(const Device& device, PoolResource& pool, Mailbox& mail, std::uint32_t thread, int steps,
          std::atomic<int>& faults) {
  Random random(99, thread + 1);
  const Stream stream(device);
  std::vector<Block> live;
  const auto check_and_free = [&](const Block& b) {
    stream.view().enqueue([b, &faults] { faults += has_tag(b) ? 0 : 1; });
    pool.deallocate(b.data, b.bytes, stream);
  };
  for (int i = 0; i < steps; ++i) {
    const std::uint32_t what = random.below(100);
    if (what < 50) {
      Block b{nullptr, random.size(), std::uint64_t{thread} << 32 | static_cast<unsigned>(i), 0};
      try {
        b.data = static_cast<std::byte*>(pool.allocate(b.bytes, stream));
      } catch (const OutOfMemory&) {
        continue;
      }
      stream.view().enqueue([b] { write_tag(b); });
      if (what < 10) {
        Event written(device);
        written.record(stream);
        mail.put({b, std::move(written)});
      } else {
        live.push_back(b);
      }
    } else if (what < 60) {
      if (const auto letter = mail.take()) {
        stream.view().wait(letter->written);
        check_and_free(letter->block);
      }
    } else if (what < 97) {
      if (live.empty()) continue;
      std::swap(live[random.below(static_cast<std::uint32_t>(live.size()))], live.back());
      check_and_free(live.back());
      live.pop_back();
    } else if (what < 99) {
      stream.view().synchronize();
    } else {
      static_cast<void>(pool.usage());
      if (i % 7 == 0) pool.release();
    }
  }
  for (const Block& b : live) check_and_free(b);
  stream.view().synchronize();
}

void soak_pool(const Device& device) {
  StatisticsResource upstream(default_resource(device));
  PoolResource pool(upstream, {.chunk_bytes = 256 << 10, .max_bytes = 8 << 20});
  Mailbox mail;
  std::atomic<int> faults{0};
  const Stream last(device);
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] { soak(device, pool, mail, t, 20000, faults); });
  }
  for (std::thread& thread : threads) thread.join();
  while (const auto letter = mail.take()) {
    letter->written.wait();
    pool.deallocate(letter->block.data, letter->block.bytes, last);
  }
  EXPECT_EQ(faults, 0);
  ASSERT_NO_THROW(pool.verify());
  EXPECT_EQ(pool.usage().used_bytes, 0U);
  pool.release();
  EXPECT_EQ(upstream.statistics().current_bytes, 0U);
}

TEST(PoolSoak, ThreadsShareAPoolOnCpu) { soak_pool(Device::cpu()); }
TEST(PoolSoak, ThreadsShareAPoolOnEmulated) { soak_pool(Device::emulated()); }

}  // namespace
}  // namespace fovea
