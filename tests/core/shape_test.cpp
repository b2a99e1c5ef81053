// shape_test.cpp - extents and counts that never wrap.
#include <fovea/core/error.h>
#include <fovea/core/shape.h>

#include <gtest/gtest.h>

#include <limits>

namespace fovea {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST(CheckedMul, MultipliesUpToTheLastCountThatFits) {
  EXPECT_EQ(checked_mul(0, kMost), 0);
  EXPECT_EQ(checked_mul(1, kMost), kMost);
  EXPECT_EQ(checked_mul(std::int64_t{1} << 31, std::int64_t{1} << 31), std::int64_t{1} << 62);
  EXPECT_EQ(checked_mul(3037000499, 3037000499), 9223372030926249001);
}

TEST(CheckedMul, RefusesWhatWouldWrap) {
  EXPECT_THROW(checked_mul(std::int64_t{1} << 32, std::int64_t{1} << 31), InvalidArgument);
  EXPECT_THROW(checked_mul(3037000500, 3037000500), InvalidArgument);
  EXPECT_THROW(checked_mul(kMost, 2), InvalidArgument);
  EXPECT_THROW(checked_mul(-1, 1), InvalidArgument);
  EXPECT_THROW(checked_mul(1, -1), InvalidArgument);
}

TEST(Shape, CountsElements) {
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape({7}).elements(), 7);
  EXPECT_EQ(Shape({2, 3, 4, 5}).elements(), 120);
  EXPECT_EQ(Shape({2, 0, 4}).elements(), 0);
  EXPECT_EQ(Shape({1 << 20, 1 << 20, 1 << 20}).elements(), std::int64_t{1} << 60);
}

TEST(Shape, RefusesWhatIsNoShape) {
  EXPECT_THROW(Shape({1, 2, 3, 4, 5}), InvalidArgument);
  EXPECT_THROW(Shape({2, -1}), InvalidArgument);
  EXPECT_THROW(Shape({1 << 20, 1 << 20, 1 << 20, 1 << 3}), InvalidArgument);
  EXPECT_THROW(Shape({kMost, 1}).with_first(-1), InvalidArgument);
  EXPECT_THROW(Shape({1, kMost}).with_first(2), InvalidArgument);
}

TEST(Shape, IndexesFromBothEnds) {
  const Shape s{2, 3, 4};
  EXPECT_EQ(s.rank(), 3);
  EXPECT_EQ(s[0], 2);
  EXPECT_EQ(s[2], 4);
  EXPECT_EQ(s[-1], 4);
  EXPECT_EQ(s[-3], 2);
}

TEST(Shape, IsEqualOnlyWithTheSameRank) {
  EXPECT_EQ(Shape({2, 3}), Shape({2, 3}));
  EXPECT_NE(Shape({2, 3}), Shape({3, 2}));
  EXPECT_NE(Shape({2, 3}), Shape({2, 3, 0}));
  EXPECT_EQ(Shape({2, 3}).with_first(5), Shape({5, 3}));
}

TEST(Shape, ReadsAsText) {
  EXPECT_EQ(to_string(Shape{128, 28, 28, 1}), "128x28x28x1");
  EXPECT_EQ(to_string(Shape{10}), "10");
  EXPECT_EQ(to_string(Shape{}), "scalar");
}

}  // namespace
}  // namespace fovea
