// fovea_linear_test.cpp - the fully connected layer on integers: every algorithm and variant of
// engine fovea against plain fp64 loops, to the bit, under the emulator's schedules.
#include <fovea/kernels/emulator/schedule.h>
#include <fovea/tests/kernels/plain_loops.h>
#include <fovea/tests/support/sanitized.h>

#include <gtest/gtest.h>

#include <algorithm>

namespace fovea::test {
namespace {

// Calls f(m, n, k) for every multiply-add.
template <class F>
void for_each_index(const LinearProblem& p, F f) {
  for (std::int64_t m = 0; m < p.m; ++m) {
    for (std::int64_t n = 0; n < p.n; ++n) {
      for (std::int64_t k = 0; k < p.k; ++k) f(m, n, k);
    }
  }
}

void check_forward(const LinearProblem& p) {
  Values x = small_integers(p.x_shape().elements(), 1);
  Values w = small_integers(p.w_shape().elements(), 2);
  Values b = small_integers(p.n, 3);
  std::vector<double> sum(static_cast<std::size_t>(p.y_shape().elements()));
  for_each_index(p, [&](auto m, auto n, auto k) {
    sum[m * p.n + n] += double{x[m * p.k + k]} * w[n * p.k + k];
  });
  for (std::size_t i = 0; i < sum.size(); ++i) {
    if (p.epilogue.bias) sum[i] += b[i % p.n];
    if (p.epilogue.relu) sum[i] = std::max(0.0, sum[i]);
  }
  for_each_way<LinearForward>(p, [&](auto& prepared, float* workspace) {
    Values y(sum.size(), std::nanf(""));
    run(prepared, LinearForward::Args{.x = view(x, p.x_shape()),
                                      .w = view(w, p.w_shape()),
                                      .b = view(b, {p.n}),
                                      .y = view(y, p.y_shape()),
                                      .context = {.workspace = workspace}});
    ASSERT_EQ(y, rounded(sum));
  });
}

void check_dgrad(const LinearProblem& p) {
  Values dy = small_integers(p.y_shape().elements(), 4);
  Values w = small_integers(p.w_shape().elements(), 2);
  Values mask = small_integers(p.x_shape().elements(), 5);
  const Values before = small_integers(p.x_shape().elements(), 6);
  std::vector<double> sum(before.size());
  for_each_index(p, [&](auto m, auto n, auto k) {
    sum[m * p.k + k] += double{dy[m * p.n + n]} * w[n * p.k + k];
  });
  for (std::size_t i = 0; i < sum.size(); ++i) {
    if (p.epilogue.mask && !(mask[i] > 0)) sum[i] = 0;
    if (p.epilogue.acc) sum[i] += before[i];
  }
  for_each_way<LinearDgrad>(p, [&](auto& prepared, float* workspace) {
    Values dx = p.epilogue.acc ? before : Values(before.size(), std::nanf(""));
    run(prepared, LinearDgrad::Args{.dy = view(dy, p.y_shape()),
                                    .w = view(w, p.w_shape()),
                                    .mask = view(mask, p.x_shape()),
                                    .dx = view(dx, p.x_shape()),
                                    .context = {.workspace = workspace}});
    ASSERT_EQ(dx, rounded(sum));
  });
}

void check_wgrad(const LinearProblem& p) {
  Values x = small_integers(p.x_shape().elements(), 1);
  Values dy = small_integers(p.y_shape().elements(), 4);
  const Values before = small_integers(p.w_shape().elements(), 6);
  const Values bias_before = small_integers(p.n, 7);
  std::vector<double> sum(before.size());
  std::vector<double> bias_sum(bias_before.size());
  for_each_index(p, [&](auto m, auto n, auto k) {
    sum[n * p.k + k] += double{dy[m * p.n + n]} * x[m * p.k + k];
    if (k == 0) bias_sum[n] += dy[m * p.n + n];
  });
  if (p.epilogue.acc) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += before[i];
    for (std::size_t i = 0; i < bias_sum.size(); ++i) bias_sum[i] += bias_before[i];
  }
  for_each_way<LinearWgrad>(p, [&](auto& prepared, float* workspace) {
    Values dw = p.epilogue.acc ? before : Values(before.size(), std::nanf(""));
    Values db = p.epilogue.acc ? bias_before : Values(bias_before.size(), std::nanf(""));
    run(prepared, LinearWgrad::Args{.x = view(x, p.x_shape()),
                                    .dy = view(dy, p.y_shape()),
                                    .dw = view(dw, p.w_shape()),
                                    .db = view(db, {p.n}),
                                    .context = {.workspace = workspace}});
    ASSERT_EQ(dw, rounded(sum));
    if (p.epilogue.db) {
      ASSERT_EQ(db, rounded(bias_sum));
    }
  });
}

void check(LinearProblem p) {
  p.epilogue = {.bias = true, .relu = true};
  check_forward(p);
  p.epilogue = {.mask = true, .acc = true};
  check_dgrad(p);
  p.epilogue = {.acc = true, .db = true};
  check_wgrad(p);
}

class FoveaLinearSchedules : public testing::TestWithParam<Schedule> {};

TEST_P(FoveaLinearSchedules, GiveTheSameBits) {
  const ScopedSchedule schedule(GetParam());
  for (const char* text : {"m5n7k9", "m64n40k96"}) check(parse_linear(text));
}

INSTANTIATE_TEST_SUITE_P(All, FoveaLinearSchedules, testing::ValuesIn(all_schedules()));

class FoveaLinear : public testing::TestWithParam<const char*> {};

TEST_P(FoveaLinear, EqualsPlainLoopsOnIntegers) { check(parse_linear(GetParam())); }

INSTANTIATE_TEST_SUITE_P(Shapes, FoveaLinear,
                         testing::Values("m1n1k1", "m1n10k500", "m3n130k67", "m129n65k33",
                                         "m1500n24k20",  // wgrad in parts
                                         kSanitized ? "m64n100k200" : "m64n500k800", "m17n1k256",
                                         kSanitized ? "m128n64k132" : "m128n256k516"));

}  // namespace
}  // namespace fovea::test
