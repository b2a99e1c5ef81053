// simd_test.cpp - engine simd beyond what the one door sees: the same bits from every instruction
// set, values that are no numbers, and the errors of its functions.
#include <fovea/kernels/compare/tolerance.h>
#include <fovea/kernels/cpu/simd/math.h>
#include <fovea/kernels/cpu/simd/simd.h>
#include <fovea/tests/support/one_door.h>
#include <fovea/tests/support/problem_lists.h>

#include <cmath>
#include <limits>

namespace fovea::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Registry simd(Isa isa = best_isa()) {
  Registry registry;
  add_simd_algorithms(registry, isa);
  return registry;
}

// What the engine's algorithm gives, on memory without guards.
template <class Op>
Case<Op> run(const Registry& registry, const Case<Op>& in) {
  const DeviceInfo cpu{};
  const auto subject = Typed<Op>::subject(in.problem);
  const auto trial = Typed<Op>::trial(registry.list<Op>().front(), in.problem, Math::fp32);
  return {Execution(*subject, *trial, "", cpu, in, false).run(), in.problem};
}

class EveryIsa : public ::testing::TestWithParam<Isa> {};

TEST_P(EveryIsa, GivesTheBitsOfTheBaseline) {
  if (GetParam() > best_isa()) GTEST_SKIP() << "this CPU has no " << name_of(GetParam());
  const Registry baseline = simd(Isa::baseline);
  const Registry wide = simd(GetParam());
  baseline.for_each([&]<class Op>(const std::vector<Algorithm<Op>>& list) {
    if (list.empty()) return;
    for (const char* lines : {"edge", "random"}) {
      for (const auto& p : problems<Op>(lines)) {
        if (!verdict(list.front(), p, {}, Math::fp32)) continue;
        SCOPED_TRACE(std::string(Op::kName) + ":" + to_string(p));
        const Case<Op> in = make_case<Op>(p, Values::reals, 5);
        const Case<Op> want = run(baseline, in);
        expect_close(run(wide, in), in, want, true, Math::fp32);
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Isas, EveryIsa, ::testing::Values(Isa::avx2, Isa::avx512),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST(Simd, MaxPoolKeepsTheFirstNan) {
  for (const char* text : {"n1c1h2w6r2u2", "n1c5h2w6r2u2", "n1c20h2w6r2u2"}) {
    SCOPED_TRACE(text);
    Case<MaxPoolForward> in = make_case<MaxPoolForward>(parse_pool(text), Values::reals, 2);
    auto x = values_of(in, "x");
    for (std::size_t i = 0; i < x.size(); i += 3) x[i] = i % 2 == 0 ? kNan : kInf;
    expect_close(run(simd(), in), in, run_reference(in), true, Math::fp32);
  }
}

TEST(Simd, ActivationsPassNanOn) {
  for (const Activation kind : {Activation::relu, Activation::tanh}) {
    Case<ActivationForward> in = make_case<ActivationForward>({40, kind}, Values::reals, 2);
    auto x = values_of(in, "x");
    x[0] = kNan;
    x[1] = kInf;
    x[2] = -kInf;
    x[39] = kNan;
    expect_close(run(simd(), in), in, run_reference(in), kind == Activation::relu, Math::fp32);
  }
}

TEST(Simd, SoftmaxFlagsWhatIsNotFinite) {
  for (const float bad : {kNan, kInf}) {
    for (const std::size_t at : {0U, 7U, 16U, 18U}) {
      Case<SoftmaxLoss> in = make_case<SoftmaxLoss>({1, 19}, Values::reals, 2);
      values_of(in, "x")[at] = bad;
      EXPECT_EQ(run(simd(), in).state.nonfinite, 1U) << bad << " at " << at;
    }
  }
}

TEST(Simd, SoftmaxOfFarApartScoresIsZeroAndOne) {
  Case<Softmax> in = make_case<Softmax>({1, 3}, Values::reals, 2);
  std::ranges::copy(std::vector<float>{-1000, 500, 0}, values_of(in, "x").begin());
  Case<Softmax> out = run(simd(), in);
  const auto y = values_of(out, "y");
  EXPECT_EQ(std::vector<float>(y.begin(), y.end()), (std::vector<float>{0, 1, 0}));
}

// Largest error of f over a sweep, in units of roundoff of the exact value.
template <class F, class Exact>
double worst_units(float from, float to, const F& f, const Exact& exact) {
  constexpr int kPoints = 400'000;
  double worst = 0;
  for (int i = 0; i <= kPoints; ++i) {
    const float x = from + (to - from) * static_cast<float>(i) / kPoints;
    const double want = exact(double{x});
    const double units = std::abs(f(x) - want) / (std::abs(want) * kUnitRoundoff + 1e-45);
    worst = std::max(worst, units);
  }
  return worst;
}

TEST(SimdMath, ErrorsAreAsStated) {
  EXPECT_LE(worst_units(-87.0F, 88.0F, simd::exp, [](double x) { return std::exp(x); }), 3);
  EXPECT_LE(worst_units(-10.0F, 10.0F, simd::tanh, [](double x) { return std::tanh(x); }), 5);
  EXPECT_LE(worst_units(-0.7F, 0.7F, simd::tanh, [](double x) { return std::tanh(x); }), 5);
  const auto fourth = [](double x) { return std::pow(x, -0.25); };
  EXPECT_LE(worst_units(0.5F, 20.0F, simd::inverse_fourth_root, fourth), 4);
  EXPECT_LE(worst_units(1e-6F, 1e12F, simd::inverse_fourth_root, fourth), 4);
  EXPECT_TRUE(std::isnan(simd::exp(kNan)));
  EXPECT_TRUE(std::isnan(simd::tanh(kNan)));
  EXPECT_EQ(simd::exp(-1000.0F), 0.0F);
  EXPECT_EQ(simd::tanh(kInf), 1.0F);
  EXPECT_EQ(simd::tanh(-kInf), -1.0F);
}

}  // namespace
}  // namespace fovea::test
