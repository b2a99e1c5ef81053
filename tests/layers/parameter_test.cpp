// parameter_test.cpp - the block of parameters, and how they start.
#include <fovea/layers/initializer.h>
#include <fovea/layers/parameter.h>

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace fovea {
namespace {

TEST(ParameterLayout, PlacesInBackwardOrderPaddedTo64) {
  const ParameterLayout l({{.name = "first", .shape = {3, 5}, .init = {}, .rate = 2, .decay = 0.5F},
                           {.name = "second", .shape = {64}, .init = {}, .frozen = true},
                           {.name = "third", .shape = {65}, .init = {}}});
  EXPECT_EQ(l.offset(2), 0);
  EXPECT_EQ(l.offset(1), 128);  // 65 take two times 64
  EXPECT_EQ(l.offset(0), 192);
  EXPECT_EQ(l.count(), 256);
  const Segment& first = l.segments()[0];
  EXPECT_EQ(first.length, 15);
  EXPECT_EQ(first.rate, 2);
  EXPECT_EQ(first.decay, 0.5F);
  EXPECT_EQ(first.frozen, 0);
  EXPECT_EQ(l.segments()[1].frozen, 1);
}

struct Moments {
  double mean = 0, deviation = 0;
};
Moments moments(const std::vector<float>& v) {
  const auto n = static_cast<double>(v.size());
  const double mean = std::accumulate(v.begin(), v.end(), 0.0) / n;
  double squares = 0;
  for (const float x : v) squares += (x - mean) * (x - mean);
  return {mean, std::sqrt(squares / n)};
}

TEST(Initializer, HasTheMomentsItPromises) {
  std::vector<float> v(100000);
  fill(Initializer::gaussian(0.01F), 1, 0, v);
  EXPECT_NEAR(moments(v).mean, 0, 4 * 0.01 / std::sqrt(1e5));
  EXPECT_NEAR(moments(v).deviation, 0.01, 0.01 * 0.01);
  fill(Initializer::he(50), 1, 0, v);
  EXPECT_NEAR(moments(v).deviation, 0.2, 0.002);
  fill(Initializer::fan_in_uniform(25), 1, 0, v);
  EXPECT_NEAR(moments(v).deviation, 0.2 / std::sqrt(3.0), 0.001);
  for (const float x : v) EXPECT_TRUE(x >= -0.2F && x < 0.2F);
  fill(Initializer::constant(0.5F), 1, 0, v);
  EXPECT_EQ(moments(v).deviation, 0);
  EXPECT_EQ(v.front(), 0.5F);
}

TEST(Initializer, DependsOnSeedAndParameterAlone) {
  std::vector<float> a(100), b(100), shorter(10);
  fill(Initializer::gaussian(1), 1, 0, a);
  fill(Initializer::gaussian(1), 1, 0, b);
  EXPECT_EQ(a, b);
  fill(Initializer::gaussian(1), 1, 0, shorter);
  EXPECT_TRUE(std::equal(shorter.begin(), shorter.end(), a.begin()));
  fill(Initializer::gaussian(1), 2, 0, b);
  EXPECT_NE(a, b);
  fill(Initializer::gaussian(1), 1, 1, b);
  EXPECT_NE(a, b);
}

}  // namespace
}  // namespace fovea
