// reference_gradient_test.cpp - every backward pass of the reference against its forward pass, by
// one directional derivative: d/dt <f(x + t v), dy> at 0 equals <dx, v>. Central differences with
// step h err by h^2 f'''/6 and by the rounding of f to fp32 over h; both are below 1e-3 of the
// terms here.
#include <fovea/tests/support/one_door.h>
#include <fovea/tests/support/problem_lists.h>
#include <gtest/gtest.h>

namespace fovea::test {
namespace {

constexpr float kStep = 0.01F;

std::vector<float> random_values(std::size_t count, std::uint32_t seed) {
  HostTensor t(DType::f32, {static_cast<std::int64_t>(count)});
  any_values()(t, {Values::reals, Math::fp32, Philox{seed, stream_key(Purpose::test, 50, 0)}});
  const auto v = t.as<float>();
  return {v.begin(), v.end()};
}

struct Derivative {
  double value = 0;
  double size = 0;  // of the terms that made it: what an error is measured against
};

double dot(std::span<const float> a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
  return sum;
}

double sizes(std::span<const float> a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(double{a[i]} * b[i]);
  return sum;
}

// d/dt <output of c with input + t v, dy>
template <class Op>
double numeric(const Case<Op>& c, std::string_view input, std::string_view output,
               const std::vector<float>& v, const std::vector<float>& dy) {
  const auto at = [&](float t) {
    Case<Op> moved = c;
    auto x = values_of(moved, input);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += t * v[i];
    moved = run_reference(moved);
    return dot(values_of(moved, output), dy);
  };
  return (at(kStep) - at(-kStep)) / (2 * double{kStep});
}

// The gradient that `backward` puts out is that of `forward`'s `output` by its `input`.
template <class Forward, class Backward>
void expect_gradient(Case<Forward> forward, std::string_view input, std::string_view output,
                     Case<Backward> backward, std::string_view gradient,
                     const std::vector<float>& dy) {
  const std::vector<float> v = random_values(values_of(forward, input).size(), 9);
  const double want = numeric(forward, input, output, v, dy);
  backward = run_reference(backward);
  const double got = dot(values_of(backward, gradient), v);
  const double size = sizes(values_of(backward, gradient), v);
  EXPECT_NEAR(got, want, 1e-3 * size + 1e-6) << gradient;
  EXPECT_GT(size, 1e-4) << "a gradient of zeros tells nothing";
}

// Cases of two ops that share operands by name.
template <class From, class To>
void share(Case<From>& from, Case<To>& to, std::string_view name, std::string_view as = "") {
  std::ranges::copy(values_of(from, name), values_of(to, as.empty() ? name : as).begin());
}

template <class Op>
Case<Op> drawn(const typename Op::Problem& p) {
  return make_case<Op>(p, Values::reals, 3);
}

template <class Forward, class Dgrad, class Wgrad>
void check_products(typename Forward::Problem p, std::int64_t filters) {
  p.epilogue = {.bias = true};
  Case<Forward> f = drawn<Forward>(p);
  p.epilogue = {};
  Case<Dgrad> d = drawn<Dgrad>(p);
  p.epilogue = {.db = true};
  Case<Wgrad> w = drawn<Wgrad>(p);
  share(f, d, "w");
  share(f, w, "x");
  share(d, w, "dy");
  const auto dy = values_of(d, "dy");
  const std::vector<float> direction(dy.begin(), dy.end());
  expect_gradient(f, "x", "y", d, "dx", direction);
  expect_gradient(f, "w", "y", w, "dw", direction);
  expect_gradient(f, "b", "y", w, "db", direction);
  EXPECT_EQ(values_of(w, "db").size(), static_cast<std::size_t>(filters));
}

TEST(ReferenceGradient, Convolution) {
  for (const char* text :
       {"n2c3h7k4r3ph1", "n1c4h9w6k6r2s3u2ph1:0pw0:2g2", "n2c2h8k3r3dh2ph1", "n1c6h5k6r3u3ph2g6"}) {
    SCOPED_TRACE(text);
    const ConvProblem p = parse_conv(text);
    check_products<ConvForward, ConvDgrad, ConvWgrad>(p, p.k);
  }
}

TEST(ReferenceGradient, Linear) {
  const LinearProblem p = parse_linear("m5n7k11");
  check_products<LinearForward, LinearDgrad, LinearWgrad>(p, p.n);
}

TEST(ReferenceGradient, AveragePool) {
  for (const char* text : {"n2c3h7r3u2", "n1c2h6w8r3s2u2v3ph1ceil1pad0", "n1c5h5r2u3ceil1"}) {
    SCOPED_TRACE(text);
    Case<AvgPoolForward> f = drawn<AvgPoolForward>(parse_pool(text));
    Case<AvgPoolBackward> b = drawn<AvgPoolBackward>(parse_pool(text));
    const auto dy = values_of(b, "dy");
    expect_gradient(f, "x", "y", b, "dx", {dy.begin(), dy.end()});
  }
}

// All values apart by more than the step moves them, in a shuffled order.
void spread(std::span<float> x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 0.05F * static_cast<float>((i * 7919) % x.size()) - 1.0F;
  }
}

TEST(ReferenceGradient, MaxPool) {
  for (const char* text : {"n2c3h7r3u2", "n1c2h6w8r3s2u2v3ph1ceil1", "n1c5h5r2u3"}) {
    SCOPED_TRACE(text);
    Case<MaxPoolForward> f = drawn<MaxPoolForward>(parse_pool(text));
    ASSERT_NE(values_of(f, "x").size() % 7919, 0U);
    spread(values_of(f, "x"));
    Case<MaxPoolForward> y = run_reference(f);
    Case<MaxPoolBackward> b = drawn<MaxPoolBackward>(parse_pool(text));
    std::ranges::copy(values_of<std::uint8_t>(y, "argmax"),
                      values_of<std::uint8_t>(b, "argmax").begin());
    const auto dy = values_of(b, "dy");
    expect_gradient(f, "x", "y", b, "dx", {dy.begin(), dy.end()});
  }
}

TEST(ReferenceGradient, LocalResponseNormalisation) {
  for (const LrnProblem& p : problems<LrnForward>("edge")) {
    SCOPED_TRACE("lrn:" + to_string(p));
    Case<LrnForward> f = drawn<LrnForward>(p);
    Case<LrnBackward> b = drawn<LrnBackward>(p);
    share(f, b, "x");
    const auto dy = values_of(b, "dy");
    expect_gradient(f, "x", "y", b, "dx", {dy.begin(), dy.end()});
  }
}

TEST(ReferenceGradient, Activations) {
  for (const Activation kind : {Activation::relu, Activation::tanh}) {
    const ActivationProblem p{200, kind};
    SCOPED_TRACE(to_string(p));
    // No element of x is nearer to ReLU's corner than the step reaches: |x| >= 0.05.
    Case<ActivationForward> f = drawn<ActivationForward>(p);
    Case<ActivationForward> y = run_reference(f);
    Case<ActivationBackward> b = drawn<ActivationBackward>(p);
    share(y, b, "y");
    const auto dy = values_of(b, "dy");
    expect_gradient(f, "x", "y", b, "dx", {dy.begin(), dy.end()});
  }
}

TEST(ReferenceGradient, Bias) {
  const BiasProblem p{9, 5};
  Case<AddBias> f = drawn<AddBias>(p);
  Case<BiasGradient> b = drawn<BiasGradient>(p);
  const auto dy = values_of(b, "dy");
  expect_gradient(f, "b", "y", b, "db", {dy.begin(), dy.end()});
}

TEST(ReferenceGradient, DropoutIsItsOwn) {
  const DropoutProblem p{4, 33, 0.3F, 1 / 0.7F, 2};
  Case<Dropout> f = drawn<Dropout>(p);
  Case<Dropout> b = f;
  const std::vector<float> dy = random_values(values_of(b, "x").size(), 4);
  std::ranges::copy(dy, values_of(b, "x").begin());
  expect_gradient(f, "x", "y", b, "y", dy);
}

// The loss is metrics[0], already the mean over the rows that count, here 4 of 5.
const std::vector<float> kLoss = {1, 0, 0, 0};

TEST(ReferenceGradient, SoftmaxLoss) {
  const LossProblem p{5, 7};
  Case<SoftmaxLoss> f = drawn<SoftmaxLoss>(p);
  Case<SoftmaxLoss> y = run_reference(f);
  Case<SoftmaxLossBackward> b = drawn<SoftmaxLossBackward>(p);
  share(y, b, "probability");
  std::ranges::copy(values_of<std::int32_t>(y, "labels"),
                    values_of<std::int32_t>(b, "labels").begin());
  expect_gradient(f, "x", "metrics", b, "dx", kLoss);
}

TEST(ReferenceGradient, MeanSquaredError) {
  const LossProblem p{5, 3};
  Case<MseLoss> f = drawn<MseLoss>(p);
  Case<MseLossBackward> b = drawn<MseLossBackward>(p);
  share(f, b, "x");
  share(f, b, "target");
  expect_gradient(f, "x", "metrics", b, "dx", kLoss);
}

}  // namespace
}  // namespace fovea::test
