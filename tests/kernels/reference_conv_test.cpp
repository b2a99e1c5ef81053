// reference_conv_test.cpp - the reference's convolution and linear layer, which all others are
// compared with, against the textbook's other way: a padded copy of the input, its patches as rows
// of a matrix (im2col), matrix products in fp64, and the patches' gradients added back (col2im).
#include <fovea/kernels/cpu/reference/bounds.h>
#include <fovea/kernels/cpu/reference/reference.h>
#include <fovea/tests/support/one_door.h>
#include <fovea/tests/support/problem_lists.h>
#include <gtest/gtest.h>

namespace fovea::test {
namespace {

using Doubles = std::vector<double>;

// Where patch element (r, s, c) of output pixel (i, j) lies in the padded image.
class Padded {
 public:
  explicit Padded(const ConvProblem& p)
      : p_{p}, height_{p.h + p.ph.begin + p.ph.end}, width_{p.w + p.pw.begin + p.pw.end} {}
  std::size_t size() const { return index(p_.n, 0, 0, 0); }
  std::size_t index(int n, int y, int x, int c) const {
    return static_cast<std::size_t>(((std::int64_t{n} * height_ + y) * width_ + x) * p_.c + c);
  }
  // f(index in the padded image, index in the image) for each element of the image.
  template <class F>
  void for_each_inside(const F& f) const {
    std::size_t at = 0;
    for (int n = 0; n < p_.n; ++n) {
      for (int y = 0; y < p_.h; ++y) {
        for (int x = 0; x < p_.w; ++x) {
          for (int c = 0; c < p_.c; ++c) f(index(n, y + p_.ph.begin, x + p_.pw.begin, c), at++);
        }
      }
    }
  }
  // f(row, column, index in the padded image) for the patch matrix of group g: a row for each
  // output pixel, a column for each filter element.
  template <class F>
  void for_each_patch_element(int g, const F& f) const {
    std::size_t row = 0;
    for (int n = 0; n < p_.n; ++n) {
      for (int i = 0; i < p_.p(); ++i) {
        for (int j = 0; j < p_.q(); ++j, ++row) {
          std::size_t column = 0;
          for (int r = 0; r < p_.r; ++r) {
            for (int s = 0; s < p_.s; ++s) {
              for (int c = 0; c < p_.c_per_group(); ++c) {
                f(row, column++,
                  index(n, i * p_.u + r * p_.dh, j * p_.v + s * p_.dw, g * p_.c_per_group() + c));
              }
            }
          }
        }
      }
    }
  }

 private:
  ConvProblem p_;
  int height_, width_;
};

struct Shapes {
  std::size_t pixels, patch, filters;  // of one group
};
Shapes shapes_of(const ConvProblem& p) {
  return {static_cast<std::size_t>(p.n) * p.p() * p.q(),
          static_cast<std::size_t>(p.r) * p.s * p.c_per_group(),
          static_cast<std::size_t>(p.k_per_group())};
}

Doubles im2col(const ConvProblem& p, std::span<const float> x, int g) {
  const Padded padded(p);
  Doubles image(padded.size(), 0.0);
  padded.for_each_inside([&](std::size_t to, std::size_t from) { image[to] = x[from]; });
  const Shapes s = shapes_of(p);
  Doubles patches(s.pixels * s.patch);
  padded.for_each_patch_element(g, [&](std::size_t row, std::size_t column, std::size_t at) {
    patches[row * s.patch + column] = image[at];
  });
  return patches;
}

// y [pixels, k]
Doubles forward(const ConvProblem& p, std::span<const float> x, std::span<const float> w) {
  const Shapes s = shapes_of(p);
  Doubles y(s.pixels * p.k, 0.0);
  for (int g = 0; g < p.groups; ++g) {
    const Doubles patches = im2col(p, x, g);
    for (std::size_t row = 0; row < s.pixels; ++row) {
      for (std::size_t f = 0; f < s.filters; ++f) {
        const std::size_t filter = g * s.filters + f;
        for (std::size_t e = 0; e < s.patch; ++e) {
          y[row * p.k + filter] += patches[row * s.patch + e] * w[filter * s.patch + e];
        }
      }
    }
  }
  return y;
}

Doubles dgrad(const ConvProblem& p, std::span<const float> dy, std::span<const float> w) {
  const Padded padded(p);
  const Shapes s = shapes_of(p);
  Doubles image(padded.size(), 0.0);
  for (int g = 0; g < p.groups; ++g) {
    padded.for_each_patch_element(g, [&](std::size_t row, std::size_t column, std::size_t at) {
      for (std::size_t f = g * s.filters; f < (g + 1) * s.filters; ++f) {
        image[at] += double{dy[row * p.k + f]} * w[f * s.patch + column];
      }
    });
  }
  Doubles dx(static_cast<std::size_t>(p.x_shape().elements()));
  padded.for_each_inside([&](std::size_t from, std::size_t to) { dx[to] = image[from]; });
  return dx;
}

Doubles wgrad(const ConvProblem& p, std::span<const float> x, std::span<const float> dy) {
  const Shapes s = shapes_of(p);
  Doubles dw(static_cast<std::size_t>(p.k) * s.patch, 0.0);
  for (int g = 0; g < p.groups; ++g) {
    const Doubles patches = im2col(p, x, g);
    for (std::size_t row = 0; row < s.pixels; ++row) {
      for (std::size_t f = g * s.filters; f < (g + 1) * s.filters; ++f) {
        const double d = dy[row * p.k + f];
        for (std::size_t e = 0; e < s.patch; ++e) {
          dw[f * s.patch + e] += d * patches[row * s.patch + e];
        }
      }
    }
  }
  return dw;
}

// Both are fp64 sums, rounded once at the end.
void expect_equal(std::span<const float> got, const Doubles& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], 1e-7 * std::abs(want[i]) + 1e-12) << "element " << i;
  }
}

template <class Op>
Case<Op> reals(const typename Op::Problem& p) {
  return make_case<Op>(p, Values::reals, 7);
}

class ReferenceConv : public ::testing::TestWithParam<std::string> {
 protected:
  template <class Op, class F>
  void for_each_problem(const F& check) {
    for (const ConvProblem& p : problems<Op>(GetParam())) {
      if (p.epilogue != Epilogue{}) continue;  // theirs are tests of their own
      SCOPED_TRACE("conv:" + to_string(p));
      check(p);
      if (HasFatalFailure()) return;
    }
  }
};

TEST_P(ReferenceConv, ForwardIsTheProductWithThePatches) {
  for_each_problem<ConvForward>([](const ConvProblem& p) {
    Case<ConvForward> c = run_reference(reals<ConvForward>(p));
    expect_equal(values_of(c, "y"), forward(p, values_of(c, "x"), values_of(c, "w")));
  });
}

TEST_P(ReferenceConv, DgradAddsThePatchesGradientsBack) {
  for_each_problem<ConvDgrad>([](const ConvProblem& p) {
    Case<ConvDgrad> c = run_reference(reals<ConvDgrad>(p));
    expect_equal(values_of(c, "dx"), dgrad(p, values_of(c, "dy"), values_of(c, "w")));
  });
}

TEST_P(ReferenceConv, WgradIsTheProductOfGradientAndPatches) {
  for_each_problem<ConvWgrad>([](const ConvProblem& p) {
    Case<ConvWgrad> c = run_reference(reals<ConvWgrad>(p));
    expect_equal(values_of(c, "dw"), wgrad(p, values_of(c, "x"), values_of(c, "dy")));
  });
}

INSTANTIATE_TEST_SUITE_P(Lists, ReferenceConv, ::testing::Values("edge", "random"),
                         [](const auto& test) { return test.param; });

// A linear layer is a convolution of one pixel.
TEST(ReferenceLinear, IsAOneByOneConvolution) {
  for (const LinearProblem& p : problems<LinearForward>("edge")) {
    if (p.epilogue != Epilogue{}) continue;
    SCOPED_TRACE("gemm:" + to_string(p));
    const ConvProblem conv{.n = p.m, .c = p.k, .h = 1, .w = 1, .k = p.n, .r = 1, .s = 1};
    Case<LinearForward> y = run_reference(reals<LinearForward>(p));
    expect_equal(values_of(y, "y"), forward(conv, values_of(y, "x"), values_of(y, "w")));
    Case<LinearDgrad> dx = run_reference(reals<LinearDgrad>(p));
    expect_equal(values_of(dx, "dx"), dgrad(conv, values_of(dx, "dy"), values_of(dx, "w")));
    Case<LinearWgrad> dw = run_reference(reals<LinearWgrad>(p));
    expect_equal(values_of(dw, "dw"), wgrad(conv, values_of(dw, "x"), values_of(dw, "dy")));
  }
}

// 3x3 image 1..9, 2x2 filter 1 2 3 4 not turned: 1*1 + 2*2 + 4*3 + 5*4 = 37.
TEST(ReferenceConvByHand, CorrelatesWithoutTurningTheFilter) {
  Case<ConvForward> c = reals<ConvForward>(parse_conv("n1c1h3k1r2+bias"));
  std::ranges::copy(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 9}, values_of(c, "x").begin());
  std::ranges::copy(std::vector<float>{1, 2, 3, 4}, values_of(c, "w").begin());
  values_of(c, "b")[0] = 0.5F;
  c = run_reference(c);
  const auto y = values_of(c, "y");
  EXPECT_EQ(std::vector<float>(y.begin(), y.end()), (std::vector<float>{37.5, 47.5, 67.5, 77.5}));
}

TEST(ReferenceConvByHand, EpiloguesApplyInTheOrderOfTheirFields) {
  Case<ConvForward> f = reals<ConvForward>(parse_conv("n1c1h1k2r1+bias+relu"));
  values_of(f, "x")[0] = 2;
  std::ranges::copy(std::vector<float>{3, -4}, values_of(f, "w").begin());
  std::ranges::copy(std::vector<float>{-5, 9}, values_of(f, "b").begin());
  f = run_reference(f);
  EXPECT_EQ(values_of(f, "y")[0], 1);  // 6 - 5
  EXPECT_EQ(values_of(f, "y")[1], 1);  // -8 + 9: the bias comes before ReLU

  Case<ConvDgrad> d = reals<ConvDgrad>(parse_conv("n1c2h1k1r1+mask+acc"));
  values_of(d, "dy")[0] = 2;
  std::ranges::copy(std::vector<float>{3, 5}, values_of(d, "w").begin());
  std::ranges::copy(std::vector<float>{1, 0}, values_of(d, "mask").begin());
  std::ranges::copy(std::vector<float>{100, 200}, values_of(d, "dx").begin());
  d = run_reference(d);
  EXPECT_EQ(values_of(d, "dx")[0], 106);
  EXPECT_EQ(values_of(d, "dx")[1], 200);  // masked, and what it held stays

  Case<ConvWgrad> w = reals<ConvWgrad>(parse_conv("n1c1h2w1k1r1+acc+db"));
  std::ranges::copy(std::vector<float>{2, 3}, values_of(w, "x").begin());
  std::ranges::copy(std::vector<float>{5, 7}, values_of(w, "dy").begin());
  values_of(w, "dw")[0] = 100;
  values_of(w, "db")[0] = 1000;
  w = run_reference(w);
  EXPECT_EQ(values_of(w, "dw")[0], 131);
  EXPECT_EQ(values_of(w, "db")[0], 1012);
}

TEST(ReferenceConv, DeclinesWhatItDoesNotDo) {
  Registry registry;
  add_reference_algorithms(registry);
  const auto why = [&]<class Op>(const char* text) {
    return registry.list<Op>().front().can_run(parse_conv(text), {}).why_not;
  };
  EXPECT_EQ(why.operator()<ConvForward>("n1c1h1k1r1+bias+relu+drop"), "");
  EXPECT_NE(why.operator()<ConvWgrad>("n1c1h1k1r1+sgd").find("+sgd"), std::string::npos);
  EXPECT_NE(why.operator()<ConvForward>("n1c1h1k1r1+mask").find("+mask"), std::string::npos);
}

TEST(AbsoluteSums, AddUpTheSizesOfAllProducts) {
  const ConvProblem p = parse_conv("n1c2h2k1r2+bias+relu");
  const std::vector<float> x = {1, -1, 2, -2, 3, -3, 4, -4}, w = {1, 1, -1, 1, 1, -1, -1, -1};
  EXPECT_EQ(absolute_sums(p, Pass::forward, x, w), std::vector<float>{20});
  EXPECT_EQ(sum_length(p, Pass::forward), 8);
  EXPECT_EQ(sum_length(p, Pass::wgrad), 1);
  EXPECT_THROW(absolute_sums(p, Pass::forward, x, {1}), InvalidArgument);
}

}  // namespace
}  // namespace fovea::test
