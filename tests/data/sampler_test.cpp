// sampler_test.cpp - the order of an epoch, proportional samples, what is held out.
#include <fovea/core/error.h>
#include <fovea/data/memory_dataset.h>
#include <fovea/data/sampler.h>
#include <fovea/data/split.h>
#include <fovea/data/subset.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "files.h"

namespace fovea {
namespace {

std::vector<std::uint32_t> order(std::uint64_t seed, std::int64_t epoch, std::size_t n) {
  std::vector<std::uint32_t> values(n);
  epoch_order(seed, epoch, values);
  return values;
}

TEST(EpochOrder, IsAPermutationThatDependsOnSeedAndEpoch) {
  for (const std::size_t n : {1UL, 2UL, 3UL, 4UL, 5UL, 100UL, 60000UL}) {
    std::vector<std::uint32_t> sorted = order(1, 0, n);
    std::ranges::sort(sorted);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(sorted[i], i);
  }
  EXPECT_EQ(order(1, 3, 100), order(1, 3, 100));
  EXPECT_NE(order(1, 3, 100), order(1, 4, 100));
  EXPECT_NE(order(1, 3, 100), order(2, 3, 100));
}

// Pinned: a change of these numbers changes every training run.
TEST(EpochOrder, KnownAnswer) {
  EXPECT_EQ(order(1, 0, 8), (std::vector<std::uint32_t>{6, 7, 4, 1, 5, 2, 3, 0}));
}

// Each of the 24 orders of four things about equally often: chi squared with 23 degrees of freedom
// stays below 49.7 but once in a thousand seeds, and this seed is fixed.
TEST(EpochOrder, IsUniform) {
  std::vector<int> seen(256);
  for (int e = 0; e < 24000; ++e) {
    const auto o = order(7, e, 4);
    ++seen[o[0] * 64 + o[1] * 16 + o[2] * 4 + o[3]];
  }
  double chi_squared = 0;
  int kinds = 0;
  for (const int n : seen) {
    if (n == 0) continue;
    ++kinds;
    chi_squared += (n - 1000.0) * (n - 1000.0) / 1000.0;
  }
  EXPECT_EQ(kinds, 24);
  EXPECT_LT(chi_squared, 49.7);
}

TEST(ProportionalSample, KeepsProportionsAndOrder) {
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 1000; ++i) labels.push_back(i % 10 == 0 ? 1 : i % 10 == 1 ? 2 : 0);
  const auto chosen = proportional_sample(labels, 100, 5);
  ASSERT_EQ(chosen.size(), 100U);
  EXPECT_TRUE(std::ranges::is_sorted(chosen));
  std::array<int, 3> count{};
  for (const std::uint32_t i : chosen) ++count[static_cast<std::size_t>(labels[i])];
  EXPECT_EQ(count, (std::array<int, 3>{80, 10, 10}));
  EXPECT_EQ(proportional_sample(labels, 100, 5), chosen);
  EXPECT_NE(proportional_sample(labels, 100, 6), chosen);
}

TEST(ProportionalSample, GivesTheExactCountForEveryCount) {
  const std::vector<std::int32_t> labels{0, 0, 0, 1, 1, 2, 2, 2, 2, 4};
  for (std::int64_t n = 1; n <= 12; ++n) {
    EXPECT_EQ(static_cast<std::int64_t>(proportional_sample(labels, n, 1).size()),
              std::min<std::int64_t>(n, 10));
  }
  test::expect_error<InvalidArgument>([&] { proportional_sample(labels, 0, 1); }, {"limit: 0"});
}

TEST(Subset, HandsOutTheChosenPictures) {
  auto data = std::make_shared<MemoryDataset>();
  for (std::uint8_t i = 0; i < 10; ++i) data->add({&i, 1, 1, 1, PixelFormat::grey8}, i % 2);
  const Subset some(data, {7, 2});
  EXPECT_EQ(some.size(), 2);
  EXPECT_EQ(some.classes(), 2);
  EXPECT_EQ(some.channels(), 1);
  EXPECT_EQ(some.get(0).image.pixels[0], 7);
  EXPECT_EQ(some.label(0), 1);
  EXPECT_EQ(some.get(1).image.pixels[0], 2);
  EXPECT_EQ(some.get(1).label, 0);
  test::expect_error<InvalidArgument>([&] { Subset(data, {10}); }, {"picture 10", "10"});
  EXPECT_EQ(limited(data, 10, 1), data);
  EXPECT_EQ(limited(data, 4, 1)->size(), 4);
}

TEST(HeldOut, IsMonotoneAndFair) {
  int tenth = 0, half = 0;
  for (int i = 0; i < 10000; ++i) {
    const std::string name = "cat/" + std::to_string(i) + ".jpg";
    const bool in_tenth = held_out(name, 0.1), in_half = held_out(name, 0.5);
    tenth += in_tenth;
    half += in_half;
    EXPECT_TRUE(in_half || !in_tenth) << "a larger part holds the smaller one";
    EXPECT_FALSE(held_out(name, 0));
  }
  EXPECT_NEAR(tenth, 1000, 120);  // four standard deviations of 30
  EXPECT_NEAR(half, 5000, 200);
}

// Pinned: a change moves pictures between the parts of every user's data.
TEST(HeldOut, KnownAnswer) {
  std::string held;
  for (int i = 0; i < 30; ++i) {
    if (held_out("dog/" + std::to_string(i) + ".png", 0.2)) held += std::to_string(i) + " ";
  }
  EXPECT_EQ(held, "3 4 6 18 25 28 29 ");
}

}  // namespace
}  // namespace fovea
