// arena_test.cpp - places by lifetime: nothing that lives at once shares a byte.
#include <fovea/core/memory_resource.h>
#include <fovea/core/philox.h>
#include <fovea/layers/arena.h>

#include <gtest/gtest.h>

#include <algorithm>

namespace fovea {
namespace {

bool live_together(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

// Values of random size and lifetime over `steps` steps.
std::vector<Lifetime> random_values(std::uint64_t seed, std::size_t count, std::uint32_t steps) {
  const Philox bits{seed, stream_key(Purpose::test, 0, 0)};
  std::vector<Lifetime> values;
  for (std::size_t i = 0; i < count; ++i) {
    const Bits4 b = bits(i);
    const auto first = static_cast<int>(uniform_below(b[0], steps));
    const auto last = first + static_cast<int>(uniform_below(b[1], steps / 4 + 1));
    values.push_back({uniform_below(b[2], 5000), first, last});
  }
  return values;
}

// Most bytes that are alive in one step: no layout can be smaller.
std::size_t lower_bound(const std::vector<Lifetime>& values) {
  std::size_t most = 0;
  for (int step = 0; step < 200; ++step) {
    std::size_t alive = 0;
    for (const Lifetime& v : values) alive += v.first <= step && step <= v.last ? v.bytes : 0;
    most = std::max(most, alive);
  }
  return most;
}

TEST(Arena, ValuesThatLiveAtOnceShareNoByte) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const std::vector<Lifetime> values = random_values(seed, 120, 100);
    const ArenaLayout layout = place(values);
    for (std::size_t a = 0; a < values.size(); ++a) {
      ASSERT_EQ(layout.offsets[a] % kAllocationAlignment, 0U);
      ASSERT_LE(layout.offsets[a] + values[a].bytes, layout.bytes);
      for (std::size_t b = 0; b < a; ++b) {
        if (!live_together(values[a], values[b]) || values[a].bytes == 0 || values[b].bytes == 0) {
          continue;
        }
        const bool apart = layout.offsets[a] + values[a].bytes <= layout.offsets[b] ||
                           layout.offsets[b] + values[b].bytes <= layout.offsets[a];
        ASSERT_TRUE(apart) << "seed " << seed << ", values " << a << " and " << b;
      }
    }
  }
}

TEST(Arena, IsCloseToTheLeastPossible) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<Lifetime> values = random_values(seed, 200, 100);
    const double least = static_cast<double>(lower_bound(values));
    EXPECT_LE(static_cast<double>(place(values).bytes), 1.35 * least) << "seed " << seed;
  }
}

TEST(Arena, ReusesBytesOfWhatIsOver) {
  const ArenaLayout layout = place({{1024, 0, 1}, {1024, 2, 3}, {1024, 3, 4}});
  EXPECT_EQ(layout.bytes, 2048U);
  EXPECT_EQ(layout.offsets[0], layout.offsets[1]);
}

TEST(Arena, OfNothingIsEmpty) {
  EXPECT_EQ(place({}).bytes, 0U);
  EXPECT_EQ(place({{0, 0, 5}}).bytes, 0U);
}

}  // namespace
}  // namespace fovea
