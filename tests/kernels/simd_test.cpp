// simd_test.cpp - engine simd beyond what the one door sees: the same bits from every instruction
// set, values that are no numbers, gradients and copies in bf16, and the errors of its functions.
#include <fovea/core/philox.h>
#include <fovea/core/thread_pool.h>
#include <fovea/kernels/compare/tolerance.h>
#include <fovea/kernels/cpu/reference/reference.h>
#include <fovea/kernels/cpu/simd/math.h>
#include <fovea/kernels/cpu/simd/simd.h>
#include <fovea/tests/support/one_door.h>
#include <fovea/tests/support/problem_lists.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

namespace fovea::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr Math kTypes[] = {Math::fp32, Math::bf16};  // of activations

Registry simd(Isa isa = best_isa()) {
  Registry registry;
  add_simd_algorithms(registry, isa);
  return registry;
}

// What the engine's algorithm gives, on memory without guards.
template <class Op>
Case<Op> run(const Registry& registry, const Case<Op>& in, Math math = Math::fp32) {
  const DeviceInfo cpu{};
  const auto subject = Typed<Op>::subject(in.problem);
  const auto trial = Typed<Op>::trial(registry.list<Op>().front(), in.problem, math);
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
        for (const Math math : kTypes) {
          if (!verdict(list.front(), p, {}, math)) continue;
          SCOPED_TRACE(std::string(Op::kName) + ":" + to_string(p) + " in " +
                       std::string(name_of(math)));
          const Case<Op> in = make_case<Op>(p, Values::reals, 5, math);
          const Case<Op> want = run(baseline, in, math);
          expect_close(run(wide, in, math), in, want, true, math);
        }
      }
    }
  });
}

// Convolutions fuse products and sums, which the baseline cannot: there is none in it.
TEST(SimdConv, GivesTheSameBitsByAvx2AndAvx512) {
  if (best_isa() != Isa::avx512) GTEST_SKIP() << "this CPU has no avx512";
  const Registry narrow = simd(Isa::avx2), wide = simd(Isa::avx512);
  int compared = 0;
  narrow.for_each([&]<class Op>(const std::vector<Algorithm<Op>>& list) {
    if constexpr (std::is_same_v<typename Op::Problem, ConvProblem>) {
      for (const ConvProblem& p : problems<Op>("images")) {
        if (!verdict(list.front(), p, {}, Math::fp32)) continue;
        SCOPED_TRACE(std::string(name_of(Op::kPass)) + " " + to_string(p));
        const Case<Op> in = make_case<Op>(p, Values::reals, 5, Math::fp32);
        expect_close(run(wide, in), in, run(narrow, in), true, Math::fp32);
        ++compared;
      }
    }
  });
  EXPECT_GT(compared, 40);
}

// Threads share bands of rows; what is summed, and in which order, is the problem's alone.
TEST(SimdConv, GivesTheSameBitsForAnyNumberOfThreads) {
  if (best_isa() == Isa::baseline) GTEST_SKIP() << "this CPU has no FMA";
  const ConvProblem p = parse_conv("n53c3h13k5r3ph1+db");
  const Case<ConvWgrad> in = make_case<ConvWgrad>(p, Values::reals, 5, Math::fp32);
  const ConvProblem above = parse_conv("n53c3h13k5r3ph1+bias+tanh");
  const Case<ConvForward> x = make_case<ConvForward>(above, Values::reals, 5, Math::fp32);
  const Registry registry = simd();
  ThreadPool::set_shared_threads(1);
  const Case<ConvWgrad> alone = run(registry, in);
  const Case<ConvForward> y = run(registry, x);
  for (const int threads : {2, 3, 7}) {
    SCOPED_TRACE(threads);
    ThreadPool::set_shared_threads(threads);
    expect_close(run(registry, in), in, alone, true, Math::fp32);
    expect_close(run(registry, x), x, y, true, Math::fp32);
  }
  ThreadPool::set_shared_threads(0);
}

TEST(SimdConv, TakesWhatVectorsOfChannelsLeaveEmpty) {
  if (best_isa() == Isa::baseline) GTEST_SKIP() << "this CPU has no FMA";
  const Registry registry = simd();
  const auto why_not = [&]<class Op>(std::type_identity<Op>, const char* problem) {
    return verdict(registry.list<Op>().front(), parse_conv(problem), {}, Math::fp32).why_not;
  };
  constexpr std::type_identity<ConvForward> kForward;
  constexpr std::type_identity<ConvDgrad> kDgrad;
  constexpr std::type_identity<ConvWgrad> kWgrad;
  EXPECT_EQ(why_not(kForward, "n128c1h28k6r5ph2+bias+tanh"), "");
  EXPECT_EQ(why_not(kForward, "n128c12h14k24r3g2"), "");
  EXPECT_EQ(why_not(kForward, "n15c1h28k6r5ph2"), "fewer than 16 images leave lanes empty");
  EXPECT_EQ(why_not(kForward, "n128c6h14k16r5"), "vectors of filters are full");
  EXPECT_EQ(why_not(kForward, "n128c8h14k24r3"), "8 channels a group and more");
  EXPECT_EQ(why_not(kForward, "n128c4h14k4r3g4"), "groups of one channel fill vectors of channels");
  EXPECT_EQ(why_not(kDgrad, "n128c6h14k16r5+mask+acc"), "");
  EXPECT_EQ(why_not(kDgrad, "n128c16h14k16r5g2"), "8 channels a group and more");
  EXPECT_EQ(why_not(kDgrad, "n128c6h15k16r5u2"), "its input gradient is for stride 1");
  EXPECT_EQ(why_not(kWgrad, "n128c1h28k6r5ph2+db"), "");
  EXPECT_EQ(why_not(kWgrad, "n128c6h14k6r5g2"), "groups cut its rows of taps");
  EXPECT_EQ(why_not(kWgrad, "n128c6h14k16r5"), "vectors of filters are full, or nearly");
  EXPECT_EQ(why_not(kForward, "n128c1h28k6r5ph2+bias+drop0.5:2:1"),
            "+drop is not an epilogue of this algorithm");
  Registry baseline = simd(Isa::baseline);
  EXPECT_EQ(verdict(baseline.list<ConvForward>().front(), parse_conv("n16c1h8k6r3"), {}, Math::fp32)
                .why_not,
            "this CPU fuses no products and sums (FMA)");
}

// One row of y = x + b, where x is 0: b in bf16.
std::vector<bf16> rounded(const std::vector<float>& b, Isa isa) {
  const Registry registry = simd(isa);
  const auto count = static_cast<int>(b.size());
  std::vector<bf16> x(b.size()), y(b.size());
  std::vector<float> bias = b;
  const Shape row{1, count};
  const auto ready = registry.list<AddBias>().front().prepare({1, count}, "", {});
  const Stream stream(Device::cpu());
  ready->run({{x.data(), DType::bf16, row},
              {bias.data(), DType::f32, {count}},
              {y.data(), DType::bf16, row},
              {}},
             stream);
  stream.view().synchronize();
  return y;
}

// Every upper half with lower halves around the middle: numbers of both signs, subnormal and
// largest ones, infinities, NaN.
TEST(SimdBf16, IsRoundedAsCoreDoes) {
  std::vector<float> all;
  for (std::uint32_t high = 0; high < 0x10000U; ++high) {
    for (const std::uint32_t low : {0U, 1U, 0x7fffU, 0x8000U, 0x8001U, 0xffffU}) {
      all.push_back(std::bit_cast<float>(high << 16 | low));
    }
  }
  for (const Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (isa > best_isa()) continue;
    SCOPED_TRACE(name_of(isa));
    const std::vector<bf16> got = rounded(all, isa);
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bf16 want = to_bf16(0.0F + all[i]);
      ASSERT_EQ(got[i].bits, want.bits) << std::hex << std::bit_cast<std::uint32_t>(all[i]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, EveryIsa, ::testing::Values(Isa::avx2, Isa::avx512),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST(Simd, MaxPoolKeepsTheFirstNan) {
  for (const char* text : {"n1c1h2w6r2u2", "n1c5h2w6r2u2", "n1c20h2w6r2u2"}) {
    for (const Math math : kTypes) {
      SCOPED_TRACE(std::string(text) + " in " + std::string(name_of(math)));
      Case<MaxPoolForward> in = make_case<MaxPoolForward>(parse_pool(text), Values::reals, 2, math);
      auto x = values_of(in, "x");
      for (std::size_t i = 0; i < x.size(); i += 3) x[i] = i % 2 == 0 ? kNan : kInf;
      expect_close(run(simd(), in, math), in, run_reference(in), true, math);
    }
  }
}

TEST(Simd, ActivationsPassNanOn) {
  for (const Activation kind : {Activation::relu, Activation::tanh}) {
    for (const Math math : kTypes) {
      SCOPED_TRACE(name_of(math));
      Case<ActivationForward> in = make_case<ActivationForward>({40, kind}, Values::reals, 2, math);
      auto x = values_of(in, "x");
      x[0] = kNan;
      x[1] = kInf;
      x[2] = -kInf;
      x[39] = kNan;
      expect_close(run(simd(), in, math), in, run_reference(in), kind == Activation::relu, math);
    }
  }
}

// What each op makes of NaN and infinities in its first operand: the fp32 result, rounded.
template <class Op>
void expect_as_in_fp32(const typename Op::Problem& p) {
  SCOPED_TRACE(std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " + to_string(p));
  Case<Op> in = make_case<Op>(p, Values::reals, 3, Math::bf16);
  auto first = in.tensors.front().template as<float>();
  for (std::size_t i = 0; i < first.size(); i += 5) {
    first[i] = i % 3 == 0 ? kNan : i % 3 == 1 ? kInf : -kInf;
  }
  Case<Op> want = run(simd(), in);
  const auto subject = Typed<Op>::subject(p);
  for (const Operand& o : subject->operands()) {
    if (o.role == Role::in || stored_type(o, Math::bf16) != DType::bf16) continue;
    for (float& v : values_of(want, o.name)) v = to_float(to_bf16(v));
  }
  expect_close(run(simd(), in, Math::bf16), in, want, true, Math::bf16);
}

TEST(SimdBf16, NanAndInfinitiesPassAsInFp32) {
  for (const Activation kind : {Activation::relu, Activation::tanh}) {
    expect_as_in_fp32<ActivationForward>({300, kind});
    expect_as_in_fp32<ActivationBackward>({300, kind});
  }
  expect_as_in_fp32<Scale>({300, 2.0F});
  expect_as_in_fp32<Add>({300});
  expect_as_in_fp32<AddBias>({30, 10});
  expect_as_in_fp32<BiasGradient>({30, 70});
  expect_as_in_fp32<Dropout>({30, 10, 0.5F, 2.0F, 0});
  const PoolProblem pool = parse_pool("n2c13h9r3u2ph1");
  expect_as_in_fp32<MaxPoolForward>(pool);
  expect_as_in_fp32<MaxPoolBackward>(pool);
  expect_as_in_fp32<AvgPoolForward>(pool);
  expect_as_in_fp32<AvgPoolBackward>(pool);
  expect_as_in_fp32<LrnForward>(parse_lrn("n2c13h9size5a1b0.75k2"));
  expect_as_in_fp32<LrnBackward>(parse_lrn("n2c13h9size5a1b0.75k2"));
  expect_as_in_fp32<Softmax>({3, 19});
  expect_as_in_fp32<SoftmaxLoss>({3, 19});
  expect_as_in_fp32<SoftmaxLossBackward>({3, 19});
  expect_as_in_fp32<MseLoss>({3, 19});
  expect_as_in_fp32<MseLossBackward>({3, 19});
}

// Three parameters, the last of them first in the table, over parts of two threads and more.
struct Block {
  static constexpr std::int64_t kCount = 50'048;
  std::vector<Segment> table{{.offset = 49'984, .length = 33, .bf16_gradient = 1},
                             {.offset = 41'024, .length = 8'900, .decay = 0.5F},
                             {.offset = 0, .length = 41'001, .decay = 0.25F, .bf16_gradient = 1}};
  UpdateProblem problem{kCount, 3, 0.9F};
  std::vector<float> gradient = std::vector<float>(kCount), weights = gradient, velocity = gradient;
  std::vector<bf16> copies = std::vector<bf16>(kCount);
  StepState state{.learning_rate = 0.3F};

  Block() {
    for (std::int64_t i = 0; i < kCount; ++i) {
      const Bits4 bits = Philox{5, 6}(static_cast<std::uint64_t>(i));
      weights[static_cast<std::size_t>(i)] = uniform(bits[0]) - 0.5F;
      velocity[static_cast<std::size_t>(i)] = uniform(bits[1]) - 0.5F;
      gradient[static_cast<std::size_t>(i)] = to_float(to_bf16(uniform(bits[2]) - 0.5F));
    }
  }
  bf16* narrow(const Segment& s) { return reinterpret_cast<bf16*>(gradient.data() + s.offset); }
  // Gradients of the segments that say so in bf16, the rest of their places no numbers.
  void make_narrow() {
    for (const Segment& s : table) {
      if (s.bf16_gradient == 0) continue;
      const std::vector<float> wide(gradient.begin() + s.offset,
                                    gradient.begin() + s.offset + s.length);
      std::fill_n(gradient.begin() + s.offset, (s.length + 63) / 64 * 64, kNan);
      std::transform(wide.begin(), wide.end(), narrow(s), to_bf16);
    }
  }
  TensorView view(std::vector<float>& v) { return {v.data(), DType::f32, {kCount}}; }
  TensorView segments() {
    return {table.data(), DType::u8, {static_cast<std::int64_t>(table.size() * sizeof(Segment))}};
  }
  void update(bool with_copies) {
    const TensorView none, all{copies.data(), DType::bf16, {kCount}};
    run_in<SgdUpdate>(simd(), {view(gradient),
                               segments(),
                               view(weights),
                               view(velocity),
                               with_copies ? all : none,
                               {nullptr, &state}});
  }
  bool finite(const Registry& registry) {
    state.nonfinite = 0;
    run_in<FiniteCheck>(registry, {view(gradient), segments(), {nullptr, &state}});
    return state.nonfinite == 0;
  }
  template <class Op>
  void run_in(const Registry& registry, const typename Op::Args& args) {
    const Stream stream(Device::cpu());
    registry.list<Op>().front().prepare(problem, "", {})->run(args, stream);
    stream.view().synchronize();
  }
};

TEST(SimdBf16, TheUpdateIsThatOfTheSameGradientsInFp32AndRoundsTheCopies) {
  Block wide, narrow;
  for (Segment& s : wide.table) s.bf16_gradient = 0;
  narrow.make_narrow();
  wide.update(false);
  narrow.update(true);
  EXPECT_EQ(narrow.weights, wide.weights);
  EXPECT_EQ(narrow.velocity, wide.velocity);
  std::vector<bf16> want(narrow.copies.size());
  for (const Segment& s : narrow.table) {
    const auto first = narrow.weights.begin() + s.offset;
    std::transform(first, first + s.length, want.begin() + s.offset, to_bf16);
  }
  EXPECT_EQ(narrow.copies, want) << "padding is nobody's";
}

TEST(SimdBf16, TheCheckReadsEachGradientInItsType) {
  Registry reference;
  add_reference_algorithms(reference);
  Block b;
  b.make_narrow();
  ASSERT_TRUE(b.finite(simd())) << "what is behind a gradient in bf16 is nobody's";
  for (const std::size_t place : {41'024U, 49'923U, 49'924U, 49'983U}) {
    const float kept = std::exchange(b.gradient[place], -kInf);
    EXPECT_FALSE(b.finite(simd())) << place << " of f32, or of its padding";
    b.gradient[place] = kept;
  }
  for (const Segment& s : b.table) {
    if (s.bf16_gradient == 0) continue;
    for (const std::int64_t i : {std::int64_t{0}, s.length / 2, s.length - 1, s.length}) {
      for (const bf16 bad : {bf16{0x7fc0}, bf16{0xff80}}) {
        const bf16 kept = std::exchange(b.narrow(s)[i], bad);
        EXPECT_EQ(b.finite(simd()), i == s.length) << "element " << i << " at " << s.offset;
        EXPECT_EQ(b.finite(reference), i == s.length);
        b.narrow(s)[i] = kept;
      }
    }
  }
}

TEST(Simd, SoftmaxFlagsWhatIsNotFinite) {
  for (const float bad : {kNan, kInf}) {
    for (const std::size_t at : {0U, 7U, 16U, 18U}) {
      for (const Math math : kTypes) {
        Case<SoftmaxLoss> in = make_case<SoftmaxLoss>({1, 19}, Values::reals, 2, math);
        values_of(in, "x")[at] = bad;
        EXPECT_EQ(run(simd(), in, math).state.nonfinite, 1U) << bad << " at " << at;
      }
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
