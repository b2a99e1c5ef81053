// philox_test.cpp - known answers, uniformity, and that no two uses share bits.
#include <fovea/core/philox.h>

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

namespace fovea {
namespace {

TEST(Philox, KnownAnswerWithEveryWordDifferent) {
  // Random123, kat_vectors: philox4x32 10, counter and key from the digits of pi.
  const Philox bits{0x299f31d0a4093822ULL, 0x0370734413198a2eULL};
  EXPECT_EQ(bits(0x85a308d3243f6a88ULL),
            (Bits4{{0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U}}));
}

/// Sum of (seen - expected)^2 / expected over equally likely bins.
double chi_square(const std::vector<std::int64_t>& bins, double draws) {
  const double expected = draws / static_cast<double>(bins.size());
  double sum = 0;
  for (const std::int64_t seen : bins) {
    sum += (static_cast<double>(seen) - expected) * (static_cast<double>(seen) - expected);
  }
  return sum / expected;
}

/// chi^2 with k degrees of freedom is near N(k, 2k) for large k: six deviations are 1 in 10^9.
void expect_uniform(const std::vector<std::int64_t>& bins, double draws) {
  const double k = static_cast<double>(bins.size()) - 1;
  EXPECT_LT(std::abs(chi_square(bins, draws) - k), 6 * std::sqrt(2 * k));
}

constexpr int kIndices = 1 << 18;

TEST(Philox, EachWordIsUniform) {
  for (unsigned word = 0; word < 4; ++word) {
    std::vector<std::int64_t> top(256), bottom(256);
    const Philox bits{1, stream_key(Purpose::test, 0, 0)};
    for (std::uint64_t i = 0; i < kIndices; ++i) {
      const std::uint32_t b = bits(i)[word];
      ++top[b >> 24];
      ++bottom[b & 0xffU];
    }
    expect_uniform(top, kIndices);
    expect_uniform(bottom, kIndices);
  }
}

TEST(Philox, NeighboursInIndexStepLayerAndSeedAreIndependent) {
  // Pairs of four bits each, one from either neighbour: 256 bins.
  const auto key = [](std::uint32_t layer, std::uint64_t step) {
    return stream_key(Purpose::dropout, layer, step);
  };
  const Philox here{7, key(3, 5)};
  const std::array<Philox, 3> others{Philox{7, key(3, 6)}, Philox{7, key(4, 5)},
                                     Philox{8, key(3, 5)}};
  std::vector<std::int64_t> next(256);
  for (std::uint64_t i = 0; i < kIndices; ++i) {
    ++next[(here(i)[0] >> 28) << 4 | here(i + 1)[0] >> 28];
  }
  expect_uniform(next, kIndices);
  for (const Philox& other : others) {
    std::vector<std::int64_t> pairs(256);
    for (std::uint64_t i = 0; i < kIndices; ++i) {
      ++pairs[(here(i)[0] >> 28) << 4 | other(i)[0] >> 28];
    }
    expect_uniform(pairs, kIndices);
  }
}

TEST(Philox, UniformLiesInTheHalfOpenIntervalWithMeanOneHalf) {
  EXPECT_EQ(uniform(0), 0.0F);
  EXPECT_EQ(uniform(0xffffffffU), 1.0F - 0x1p-24F);
  const Philox bits{2, stream_key(Purpose::test, 0, 1)};
  double sum = 0, squares = 0;
  for (std::uint64_t i = 0; i < kIndices; ++i) {
    const double u = uniform(bits(i)[0]);
    sum += u;
    squares += u * u;
  }
  // Deviations of the means: sqrt(1/12/n) and sqrt(4/45/n), below 6e-4 each.
  EXPECT_NEAR(sum / kIndices, 1.0 / 2, 6 * 6e-4);
  EXPECT_NEAR(squares / kIndices, 1.0 / 3, 6 * 6e-4);
}

TEST(Philox, UniformBelowReachesEveryValueEqually) {
  EXPECT_EQ(uniform_below(0xffffffffU, 10), 9U);
  EXPECT_EQ(uniform_below(0, 10), 0U);
  std::vector<std::int64_t> bins(233);  // no power of two
  const Philox bits{3, stream_key(Purpose::test, 0, 2)};
  for (std::uint64_t i = 0; i < kIndices; ++i) ++bins[uniform_below(bits(i)[1], 233)];
  expect_uniform(bins, kIndices);
}

TEST(Philox, EveryUseHasAKeyOfItsOwn) {
  std::set<std::uint64_t> keys;
  int uses = 0;
  for (const Purpose purpose : {Purpose::init, Purpose::shuffle, Purpose::dropout, Purpose::crop}) {
    for (const std::uint32_t layer : {0U, 1U, 255U, 65535U}) {
      for (const std::uint64_t step : {0ULL, 1ULL, 0xffffffffULL, 0xffffffffffULL}) {
        keys.insert(stream_key(purpose, layer, step));
        ++uses;
      }
    }
  }
  EXPECT_EQ(keys.size(), static_cast<std::size_t>(uses));
}

}  // namespace
}  // namespace fovea
