// reference_values_test.cpp - the reference on small cases worked out by hand, and its rules: ties,
// NaN, rows that do not count, the non-finite flag, views, segments.
#include <fovea/tests/support/one_door.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace fovea::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
using Floats = std::vector<float>;
using Bytes = std::vector<std::uint8_t>;

template <class Op>
Case<Op> integers(const typename Op::Problem& p) {
  return make_case<Op>(p, Values::integers, 1);
}
template <class T = float, class Op>
void set(Case<Op>& c, std::string_view name, const std::vector<T>& v) {
  ASSERT_EQ(values_of<T>(c, name).size(), v.size());
  std::ranges::copy(v, values_of<T>(c, name).begin());
}
template <class T = float, class Op>
std::vector<T> get(Case<Op> c, std::string_view name) {
  const auto v = values_of<T>(c, name);
  return {v.begin(), v.end()};
}

TEST(ReferenceMaxPool, FirstOfEqualsWinsAndNanWinsOverAll) {
  Case<MaxPoolForward> c = integers<MaxPoolForward>(parse_pool("n1c1h2w6r2u2"));
  set(c, "x",
      {1, 5, 2, kNan, kInf, kNan,  //
       5, 5, kNan, 9, 0, 1});
  c = run_reference(c);
  EXPECT_EQ(get(c, "y")[0], 5);
  EXPECT_TRUE(std::isnan(get(c, "y")[1]));
  EXPECT_TRUE(std::isnan(get(c, "y")[2]));
  EXPECT_EQ(get<std::uint8_t>(c, "argmax"), (Bytes{1, 1, 1}));
}

TEST(ReferenceMaxPool, PaddingNeverWinsAndPlacesCountFromThePaddedCorner) {
  Case<MaxPoolForward> c = integers<MaxPoolForward>(parse_pool("n1c1h2r2u1ph1"));
  set(c, "x", {-1, -2, -3, -4});
  c = run_reference(c);
  EXPECT_EQ(get(c, "y"), (Floats{-1, -1, -2, -1, -1, -2, -3, -3, -4}));
  EXPECT_EQ(get<std::uint8_t>(c, "argmax"), (Bytes{3, 2, 2, 1, 0, 0, 1, 0, 0}));
}

TEST(ReferenceAveragePool, DividesByThePaddedWindowOrByThePlanesCells) {
  for (const auto& [text, corner] :
       {std::pair{"n1c1h2r2u1ph1", 1.0F}, {"n1c1h2r2u1ph1pad0", 4.0F}}) {
    Case<AvgPoolForward> c = integers<AvgPoolForward>(parse_pool(text));
    set(c, "x", {4, 4, 4, 4});
    c = run_reference(c);
    EXPECT_EQ(get(c, "y")[0], corner) << text;
    EXPECT_EQ(get(c, "y")[4], 4) << text;
  }
}

// A last window that hangs over the edge divides by its cells in the padded plane only: 2, not 4.
TEST(ReferenceAveragePool, CeilWindowsDivideByWhatIsThere) {
  Case<AvgPoolForward> c = integers<AvgPoolForward>(parse_pool("n1c1h2w3r2u2ceil1"));
  set(c, "x", {1, 2, 3, 1, 2, 5});
  c = run_reference(c);
  EXPECT_EQ(get(c, "y"), (Floats{1.5, 4}));
}

TEST(ReferenceLrn, NormalisesByNeighboursInItsGroup) {
  // Channels 1 2 | 3 4, groups of two, window 3: d = 1 + 2 (sum of squares of the group), beta 1.
  Case<LrnForward> c = integers<LrnForward>(parse_lrn("n1c4h1size3a2b1k1g2"));
  set(c, "x", {1, 2, 3, 4});
  c = run_reference(c);
  EXPECT_EQ(get(c, "y"), (Floats{1 / 11.0F, 2 / 11.0F, 3 / 51.0F, 4 / 51.0F}));
}

TEST(ReferenceLrn, DividesAlphaWhereAskedTo) {
  Case<LrnForward> c = integers<LrnForward>(parse_lrn("n1c1h1w3size3a9b1k1div1within1"));
  set(c, "x", {1, 2, 3});  // a = 9 / 9 cells
  c = run_reference(c);
  EXPECT_EQ(get(c, "y"), (Floats{1 / 6.0F, 2 / 15.0F, 3 / 14.0F}));
}

TEST(ReferenceActivation, ReluKeepsNanAndHasNoSlopeAtZero) {
  Case<ActivationForward> f = integers<ActivationForward>({4, Activation::relu});
  set(f, "x", {-2, 0, 3, kNan});
  const Floats y = get(run_reference(f), "y");
  EXPECT_EQ(Floats(y.begin(), y.begin() + 3), (Floats{0, 0, 3}));
  EXPECT_TRUE(std::isnan(y[3]));
  Case<ActivationBackward> b = integers<ActivationBackward>({3, Activation::relu});
  set(b, "y", {0, 2, 0});
  set(b, "dy", {5, 6, 7});
  EXPECT_EQ(get(run_reference(b), "dx"), (Floats{0, 6, 0}));
}

TEST(ReferenceElementwise, AddsAndScales) {
  Case<Add> a = integers<Add>({2});
  set(a, "a", {1, 2});
  set(a, "b", {10, -20});
  EXPECT_EQ(get(run_reference(a), "y"), (Floats{11, -18}));
  Case<Scale> s = integers<Scale>({2, -0.5F});
  set(s, "x", {4, 6});
  EXPECT_EQ(get(run_reference(s), "y"), (Floats{-2, -3}));
}

// The mask is a function of the global element: a batch cut in two gives what the whole gives.
TEST(ReferenceDropout, DependsOnTheGlobalRowOnly) {
  const auto run = [](std::int64_t images, std::uint64_t first_row, std::uint64_t step) {
    Case<Dropout> c = integers<Dropout>({images, 10, 0.5F, 2.0F, 7});
    std::ranges::fill(values_of(c, "x"), 3.0F);
    c.state.first_row = first_row;
    c.state.step = step;
    return get(run_reference(c), "y");
  };
  const Floats whole = run(8, 0, 0), half = run(4, 4, 0), later = run(8, 0, 1);
  EXPECT_EQ(Floats(whole.begin() + 40, whole.end()), half);
  EXPECT_NE(whole, later);
  for (const float v : whole) EXPECT_TRUE(v == 0 || v == 6);
  EXPECT_NEAR(static_cast<double>(std::ranges::count(whole, 0.0F)), 40, 20);
}

TEST(ReferenceSoftmaxLoss, CountsRanksWithTiesBeforeAndSkipsRowsThatDoNotCount) {
  Case<SoftmaxLoss> c = integers<SoftmaxLoss>({4, 6});
  set(c, "x", {1, 1, 1, 1, 1, 1,  // label 0: first of equals, no error
               1, 1, 1, 1, 1, 1,  // label 5: five equal ones before it, both errors
               0, 9, 0, 0, 0, 0,  // label 2: one above, one equal before it: top-1 error
               0, 0, 0, 0, 0, 0});
  set<std::int32_t>(c, "labels", {0, 5, 2, 1 << 30});  // the last row does not count
  c.state.valid = 3;
  c = run_reference(c);
  const Floats m = get(c, "metrics");
  const double sums[] = {std::log(6.0), std::log(6.0), std::log(5 + std::exp(9.0))};
  EXPECT_NEAR(m[0], (sums[0] + sums[1] + sums[2]) / 3, 1e-6);
  EXPECT_EQ(Floats(m.begin() + 1, m.end()), (Floats{2, 1, 3}));
  EXPECT_EQ(c.state.nonfinite, 0U);
  EXPECT_NEAR(get(c, "probability")[0], 1 / 6.0, 1e-7);
}

TEST(ReferenceSoftmaxLoss, FlagsALossThatIsNotFinite) {
  for (const float bad : {kNan, kInf}) {
    Case<SoftmaxLoss> c = integers<SoftmaxLoss>({2, 3});
    values_of(c, "x")[1] = bad;
    EXPECT_EQ(run_reference(c).state.nonfinite, 1U) << bad;
  }
}

TEST(ReferenceSoftmaxLoss, HasNoGradientInRowsThatDoNotCount) {
  Case<SoftmaxLossBackward> c = integers<SoftmaxLossBackward>({2, 2});
  set(c, "probability", {0.25F, 0.75F, 0.5F, 0.5F});
  set<std::int32_t>(c, "labels", {1, 0});
  c.state.valid = 1;
  EXPECT_EQ(get(run_reference(c), "dx"), (Floats{0.25F, -0.25F, 0, 0}));
}

TEST(ReferenceMse, IsHalfTheSquaresAndSumsSizes) {
  Case<MseLoss> c = integers<MseLoss>({2, 2});
  set(c, "x", {1, 2, 3, 4});
  set(c, "target", {0, 4, 3, 100});
  c.state.valid = 1;
  EXPECT_EQ(get(run_reference(c), "metrics"), (Floats{2.5, 3, 0, 1}));
  Case<MseLossBackward> b = integers<MseLossBackward>({2, 1});
  set(b, "x", {5, 6});
  set(b, "target", {1, 1});
  b.state.valid = 1;
  EXPECT_EQ(get(run_reference(b), "dx"), (Floats{4, 0}));
}

TEST(ReferenceRecord, WritesItsSlotAlone) {
  Case<RecordMetrics> c = integers<RecordMetrics>({2, 5});
  set(c, "metrics", {1, 2, 3, 4});
  set(c, "ring", Floats(10, 7));
  c.state.slot = 1;
  c.state.nonfinite = 1;
  EXPECT_EQ(get(run_reference(c), "ring"), (Floats{7, 7, 7, 7, 7, 1, 2, 3, 4, 1}));
}

class ReferenceSgd : public ::testing::Test {
 protected:
  Case<SgdUpdate> c = integers<SgdUpdate>({128, 2, 0.5F});
  void SetUp() override {
    const Segment segments[] = {{.offset = 0, .length = 2, .rate = 2, .decay = 0.5F, .frozen = 0},
                                {.offset = 64, .length = 3, .rate = 1, .decay = 0, .frozen = 1}};
    std::memcpy(c.tensors[1].bytes.data(), segments, sizeof(segments));
    set(c, "gradient", Floats(128, 3));
    set(c, "weights", Floats(128, 4));
    set(c, "velocity", Floats(128, 8));
    c.state.learning_rate = 0.25F;
  }
};

// e = 0.25 * 2: v = 0.5 * 8 - 0.5 (0.5 * 4 + 3) = 1.5, w = 5.5; what is frozen or padding stays.
TEST_F(ReferenceSgd, MovesItsSegments) {
  c = run_reference(c);
  EXPECT_EQ(get(c, "velocity")[1], 1.5F);
  EXPECT_EQ(get(c, "weights")[1], 5.5F);
  for (const int untouched : {2, 63, 64, 66, 67, 127}) {
    EXPECT_EQ(get(c, "weights")[untouched], 4) << untouched;
    EXPECT_EQ(get(c, "velocity")[untouched], 8) << untouched;
  }
}

TEST_F(ReferenceSgd, DoesNothingAfterANonFiniteStep) {
  c.state.nonfinite = 1;
  c = run_reference(c);
  EXPECT_EQ(get(c, "weights"), Floats(128, 4));
  EXPECT_EQ(get(c, "velocity"), Floats(128, 8));
}

TEST(ReferenceFiniteCheck, FindsNanAndInfinityAnywhereAndNeverClears) {
  for (const std::size_t at : {0U, 63U}) {
    for (const float bad : {kNan, kInf, -kInf}) {
      Case<FiniteCheck> c = integers<FiniteCheck>({64, 2, 0.9F});
      values_of(c, "gradient")[at] = bad;
      EXPECT_EQ(run_reference(c).state.nonfinite, 1U);
    }
  }
  Case<FiniteCheck> c = integers<FiniteCheck>({64, 2, 0.9F});
  EXPECT_EQ(run_reference(c).state.nonfinite, 0U);
  c.state.nonfinite = 1;
  EXPECT_EQ(run_reference(c).state.nonfinite, 1U);
}

TEST(ReferenceFoldWeights, PutsBlocksOfTapsSideBySide) {
  // One filter of 3 x 2 and 2 channels by 2: rows 0 and 1 are a block, row 2 and zeros another.
  Case<FoldWeights> c = integers<FoldWeights>({1, 2, 3, 2, 2});
  set<float>(c, "w", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  EXPECT_EQ(get(run_reference(c), "ws"),
            (Floats{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 0}));
  // 1 x 3 by 2: columns 0 and 1, row 1 missing; then column 2.
  c = integers<FoldWeights>({1, 1, 1, 3, 2});
  set<float>(c, "w", {1, 2, 3});
  EXPECT_EQ(get(run_reference(c), "ws"), (Floats{1, 2, 0, 0, 3, 0, 0, 0}));
  // Two of 2 x 1: what would be column 1 of row 0 is no tap.
  c = integers<FoldWeights>({2, 1, 2, 1, 2});
  set<float>(c, "w", {1, 2, 3, 4});
  EXPECT_EQ(get(run_reference(c), "ws"), (Floats{1, 0, 2, 0, 3, 0, 4, 0}));
}

Case<InputCast> pictures(InputProblem p) {
  p.n = p.c = 1;
  p.h = p.w = 3;
  Case<InputCast> c = integers<InputCast>(p);
  set<std::uint8_t>(c, "x", {1, 2, 3, 4, 5, 6, 7, 8, 9});
  std::ranges::fill(values_of(c, "mean"), 1.0F);
  values_of(c, "scale")[0] = 2;
  return c;
}

TEST(ReferenceInput, CropsEachCornerAndMirrors) {
  const auto view = [](View v, bool mirror) {
    const InputProblem p{.out_h = 2, .out_w = 2, .view = v, .mirror = mirror};
    return get(run_reference(pictures(p)), "y");
  };
  EXPECT_EQ(view(View::top_left, false), (Floats{0, 2, 6, 8}));
  EXPECT_EQ(view(View::top_right, false), (Floats{2, 4, 8, 10}));
  EXPECT_EQ(view(View::bottom_left, true), (Floats{8, 6, 14, 12}));
  EXPECT_EQ(view(View::bottom_right, false), (Floats{8, 10, 14, 16}));
  EXPECT_EQ(view(View::centre, false), view(View::top_left, false));  // 1 / 2 rounds down
}

TEST(ReferenceInput, PaddingIsZeroAfterNormalising) {
  const InputProblem p{.out_h = 5, .out_w = 5, .pad = 1, .view = View::centre};
  EXPECT_EQ(get(run_reference(pictures(p)), "y"), (Floats{0,  0, 0, 0,  0,  0,  0, 2, 4, 0, 0, 6, 8,
                                                          10, 0, 0, 12, 14, 16, 0, 0, 0, 0, 0, 0}));
}

// Over many steps a random view takes every offset, mirrored half of the time, and depends on the
// picture's global row.
TEST(ReferenceInput, RandomViewsTakeEveryOffset) {
  std::map<Floats, int> seen;
  for (std::uint64_t step = 0; step < 400; ++step) {
    Case<InputCast> c = pictures({.out_h = 2, .out_w = 2, .view = View::random, .mirror = true});
    c.state.step = step;
    ++seen[get(run_reference(c), "y")];
  }
  EXPECT_EQ(seen.size(), 8U);  // 2 x 2 offsets, mirrored or not
  for (const auto& [picture, count] : seen) EXPECT_NEAR(count, 50, 35);
}

}  // namespace
}  // namespace fovea::test
