// fovea_conv_test.cpp - convolution on integers: every algorithm and variant of engine fovea
// against plain fp64 loops, to the bit, under the emulator's schedules.
#include <fovea/kernels/emulator/schedule.h>
#include <fovea/tests/kernels/plain_loops.h>

#include <gtest/gtest.h>

#include <algorithm>

namespace fovea::test {
namespace {

void check_forward(const ConvProblem& p) {
  Values x = small_integers(p.x_shape().elements(), 1);
  Values w = small_integers(p.w_shape().elements(), 2);
  Values b = small_integers(p.k, 3);
  std::vector<double> sum(static_cast<std::size_t>(p.y_shape().elements()));
  for_each_product(p, [&](auto xi, auto wi, auto yi) { sum[yi] += double{x[xi]} * w[wi]; });
  for (std::size_t i = 0; i < sum.size(); ++i) {
    if (p.epilogue.bias) sum[i] += b[i % p.k];
    if (p.epilogue.relu) sum[i] = std::max(0.0, sum[i]);
  }
  for_each_way<ConvForward>(p, [&](auto& prepared, float* workspace) {
    Values y(sum.size(), std::nanf(""));
    run(prepared, ConvForward::Args{.x = view(x, p.x_shape()),
                                    .w = view(w, p.w_shape()),
                                    .b = view(b, {p.k}),
                                    .y = view(y, p.y_shape()),
                                    .context = {.workspace = workspace}});
    ASSERT_EQ(y, rounded(sum));
  });
}

void check_dgrad(const ConvProblem& p) {
  Values dy = small_integers(p.y_shape().elements(), 4);
  Values w = small_integers(p.w_shape().elements(), 2);
  Values mask = small_integers(p.x_shape().elements(), 5);
  const Values before = small_integers(p.x_shape().elements(), 6);
  std::vector<double> sum(before.size());
  for_each_product(p, [&](auto xi, auto wi, auto yi) { sum[xi] += double{dy[yi]} * w[wi]; });
  for (std::size_t i = 0; i < sum.size(); ++i) {
    if (p.epilogue.mask && !(mask[i] > 0)) sum[i] = 0;
    if (p.epilogue.acc) sum[i] += before[i];
  }
  for_each_way<ConvDgrad>(p, [&](auto& prepared, float* workspace) {
    Values dx = p.epilogue.acc ? before : Values(before.size(), std::nanf(""));
    run(prepared, ConvDgrad::Args{.dy = view(dy, p.y_shape()),
                                  .w = view(w, p.w_shape()),
                                  .mask = view(mask, p.x_shape()),
                                  .dx = view(dx, p.x_shape()),
                                  .context = {.workspace = workspace}});
    ASSERT_EQ(dx, rounded(sum));
  });
}

void check_wgrad(const ConvProblem& p) {
  Values x = small_integers(p.x_shape().elements(), 1);
  Values dy = small_integers(p.y_shape().elements(), 4);
  const Values before = small_integers(p.w_shape().elements(), 6);
  const Values bias_before = small_integers(p.k, 7);
  std::vector<double> sum(before.size());
  std::vector<double> bias_sum(bias_before.size());
  for_each_product(p, [&](auto xi, auto wi, auto yi) { sum[wi] += double{x[xi]} * dy[yi]; });
  for (std::size_t i = 0; i < dy.size(); ++i) bias_sum[i % p.k] += dy[i];
  if (p.epilogue.acc) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += before[i];
    for (std::size_t i = 0; i < bias_sum.size(); ++i) bias_sum[i] += bias_before[i];
  }
  for_each_way<ConvWgrad>(p, [&](auto& prepared, float* workspace) {
    Values dw = p.epilogue.acc ? before : Values(before.size(), std::nanf(""));
    Values db = p.epilogue.acc ? bias_before : Values(bias_before.size(), std::nanf(""));
    run(prepared, ConvWgrad::Args{.x = view(x, p.x_shape()),
                                  .dy = view(dy, p.y_shape()),
                                  .dw = view(dw, p.w_shape()),
                                  .db = view(db, {p.k}),
                                  .context = {.workspace = workspace}});
    ASSERT_EQ(dw, rounded(sum));
    if (p.epilogue.db) {
      ASSERT_EQ(db, rounded(bias_sum));
    }
  });
}

void check(ConvProblem p) {
  validate(p);
  p.epilogue = {.bias = true, .relu = true};
  check_forward(p);
  p.epilogue = {.mask = true};
  check_dgrad(p);
  p.epilogue = {.acc = true, .db = true};
  check_wgrad(p);
}

class FoveaConvSchedules : public testing::TestWithParam<Schedule> {};

TEST_P(FoveaConvSchedules, GiveTheSameBits) {
  const ScopedSchedule schedule(GetParam());
  for (const char* text : {"n2c3h9k5r3ph1", "n1c8h7w5k12r3s2u2v1ph1:0pw0:2g2",
                           "n2c5h11k7r2u3dh2dw1", "n1c8h6k16r3ph1g2"}) {
    check(parse_conv(text));
  }
}

INSTANTIATE_TEST_SUITE_P(All, FoveaConvSchedules, testing::ValuesIn(all_schedules()));

constexpr const char* kLongSum = "n25c2h13k3r3";  // wgrad sums 3025 pixels: split in parts

class FoveaConv : public testing::TestWithParam<const char*> {};

TEST_P(FoveaConv, EqualsPlainLoopsOnIntegers) { check(parse_conv(GetParam())); }

INSTANTIATE_TEST_SUITE_P(
    Shapes, FoveaConv,
    testing::Values("n1c1h1k1r1",            // one multiply-add
                    "n3c4h5k6r1",            // 1x1
                    "n2c3h8k4r2s4ph1pw2:1",  // even filter, uneven padding
                    "n1c3h13k8r3u5",         // stride > filter: cells that no tap sees
                    "n2c6h7k6r3ph1g6",       // groups = channels
                    "n1c1h3k2r5ph4",         // padding > plane / 2, filter > plane
                    "n2c20h12k50r5",         // LeNet's second
                    "n1c12h10k16r3ph2dh2",   // dilation, channels % 4 = 0
                    "n1c16h9k40r3u2ph1g2",   // stride 2, groups
                    "n2c7h6w11k9r4s3u2v3ph3:0pw1:2dh1dw2", kLongSum));

TEST(FoveaConv, TheLongSumIsSplit) {
  const auto& list = registry().list<ConvWgrad>();
  const ConvProblem p = parse_conv(kLongSum);
  EXPECT_TRUE(std::ranges::any_of(list, [&](const Algorithm<ConvWgrad>& a) {
    const auto variants = variants_of(a, p, emulated(), {});
    return std::ranges::any_of(variants, [](const Variant& v) { return v.find("/") != v.npos; });
  })) << "no variant splits its sum: wgrad's parts go untested";
}

}  // namespace
}  // namespace fovea::test
