// implicit_gemm_test.cpp - what the shared problem lists do not ask of implicit_gemm: stepping
// through the reduction without a division, operands that allow no 16-byte access, rounding of
// operands by the math mode, splits of forward and dgrad, shared memory that is too small.
#include <fovea/core/dtype.h>
#include <fovea/kernels/cuda/tile/odometer.h>
#include <fovea/tests/kernels/against_reference.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>

namespace fovea::test {
namespace {

TEST(Odometer, StepsAsDivisionSays) {
  for (const unsigned low : {1U, 3U, 16U, 48U}) {
    for (const unsigned middle : {1U, 2U, 11U}) {
      const Odometer o{FastDivide(low), FastDivide(middle)};
      for (const unsigned step : {1U, 2U, 8U, 16U, 97U}) {
        Digits d = o.digits(5);
        for (unsigned n = 5; n < 1000; n += step) {
          ASSERT_EQ(d, o.digits(n)) << n << " by " << step << " of " << low << ", " << middle;
          ASSERT_EQ((d.high * middle + d.middle) * low + d.low, n);
          d = o.sum(d, o.digits(step));
        }
      }
    }
  }
}

const Registry& fovea_emulated() {
  static const Registry r = [] {
    Registry made;
    emu::add_algorithms(made);
    return made;
  }();
  return r;
}

template <class Op>
const Algorithm<Op>& implicit_gemm(Math math) {
  for (const Algorithm<Op>& a : fovea_emulated().list<Op>()) {
    if (a.name == "implicit_gemm" && a.math == math) return a;
  }
  throw Unsupported("no implicit_gemm");
}

DeviceInfo card(int capability, std::size_t shared_kib) {
  return {.device = Device::emulated(),
          .name = "a card",
          .capability = capability,
          .shared_bytes_per_block = shared_kib * 1024};
}

/// A tensor as a math mode stores it; `shift`: so many elements behind a multiple of 16 bytes.
class Stored {
 public:
  Stored(Math math, const std::vector<float>& v, int shift)
      : type_{activation_type(math)}, shift_{shift}, wide_(v, shift) {
    narrow_.resize(static_cast<std::size_t>(shift));
    for (const float e : v) narrow_.push_back(to_bf16(e));
  }
  TensorView view(const Shape& shape) {
    return type_ == DType::f32 ? wide_.view(shape)
                               : TensorView{narrow_.data() + shift_, type_, shape};
  }
  std::vector<float> values() const {
    if (type_ == DType::f32) return wide_.values();
    std::vector<float> v;
    for (auto e = narrow_.begin() + shift_; e != narrow_.end(); ++e) v.push_back(to_float(*e));
    return v;
  }

 private:
  DType type_;
  int shift_;
  Operand wide_;
  std::vector<bf16> narrow_;
};

/// Output of f(prepared, workspace) for a variant.
template <class Op, class F>
std::vector<float> run_variant(const Algorithm<Op>& a, const typename Op::Problem& p,
                               const Variant& variant, F f) {
  const auto prepared = a.prepare(p, variant, card(80, 163));
  std::vector<float> workspace =
      nothing(static_cast<std::int64_t>(prepared->workspace_bytes() / sizeof(float)));
  const Stream stream(Device::emulated());
  return f(*prepared, workspace.data(), stream);
}

std::vector<float> forward(Math math, const ConvProblem& p, const Variant& variant,
                           const std::vector<float>& x, const std::vector<float>& w, int shift) {
  return run_variant(implicit_gemm<ConvForward>(math), p, variant,
                     [&](auto& prepared, float* workspace, const Stream& stream) {
                       Stored x_at(math, x, shift), w_at(math, w, shift);
                       Stored y(math, nothing(p.y_shape().elements()), shift);
                       prepared.run({.x = x_at.view(p.x_shape()),
                                     .w = w_at.view(p.w_shape()),
                                     .b = {},
                                     .y = y.view(p.y_shape()),
                                     .context = {.workspace = workspace}},
                                    stream);
                       stream.view().synchronize();
                       return y.values();
                     });
}

std::vector<float> dgrad(Math math, const ConvProblem& p, const Variant& variant,
                         const std::vector<float>& dy, const std::vector<float>& w, int shift) {
  return run_variant(implicit_gemm<ConvDgrad>(math), p, variant,
                     [&](auto& prepared, float* workspace, const Stream& stream) {
                       Stored dy_at(math, dy, shift), w_at(math, w, shift);
                       Stored dx(math, nothing(p.x_shape().elements()), shift);
                       prepared.run({.dy = dy_at.view(p.y_shape()),
                                     .w = w_at.view(p.w_shape()),
                                     .mask = {},
                                     .dx = dx.view(p.x_shape()),
                                     .context = {.workspace = workspace}},
                                    stream);
                       stream.view().synchronize();
                       return dx.values();
                     });
}

/// dw and, behind it, db.
std::vector<float> wgrad(Math math, const ConvProblem& p, const Variant& variant,
                         const std::vector<float>& x, const std::vector<float>& dy, int shift) {
  return run_variant(implicit_gemm<ConvWgrad>(math), p, variant,
                     [&](auto& prepared, float* workspace, const Stream& stream) {
                       Stored x_at(math, x, shift), dy_at(math, dy, shift);
                       Stored dw(math, nothing(p.w_shape().elements()), shift);
                       Operand db(nothing(p.k), shift);
                       prepared.run({.x = x_at.view(p.x_shape()),
                                     .dy = dy_at.view(p.y_shape()),
                                     .dw = dw.view(p.w_shape()),
                                     .db = db.view({p.k}),
                                     .context = {.workspace = workspace}},
                                    stream);
                       stream.view().synchronize();
                       std::vector<float> all = dw.values();
                       for (const float v : db.values()) all.push_back(v);
                       return all;
                     });
}

class ImplicitGemm : public testing::TestWithParam<Math> {};

/// The tiles that the algorithm has for the problem, each with `split` behind its name.
template <class Op>
std::vector<std::string> tiles(Math math, const ConvProblem& p, const std::string& split) {
  std::vector<std::string> names;
  for (const Variant& v : implicit_gemm<Op>(math).variants(p, card(80, 163), {})) {
    const std::string name = v.substr(0, v.find_first_of("/~")) + split;
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

// A variant is an order of sums: tile, width of copies and alignment do not change a bit.
TEST_P(ImplicitGemm, GivesTheSameBitsForAnyTileAndAlignment) {
  const Math math = GetParam();
  for (const char* text : {"n2c16h7w6k16r3ph1g2", "n1c96h5k104r3ph1", "n2c3h7w6k5r3ph1"}) {
    const ConvProblem p = parse_conv(text);
    const ConvProblem with_db = parse_conv(std::string(text) + "+db");
    const auto x = reals(p.x_shape().elements(), 1), w = reals(p.w_shape().elements(), 2),
               dy = reals(p.y_shape().elements(), 3);
    const auto check = [&](const std::vector<std::string>& names, const auto& run) {
      const std::vector<float> first = run(names.front(), 0);
      EXPECT_TRUE(std::ranges::none_of(first, [](float v) { return std::isnan(v); }));
      EXPECT_EQ(run(names.front(), 1), first) << text << ", not aligned";
      for (const std::string& name : names) EXPECT_EQ(run(name, 0), first) << text << " " << name;
    };
    for (const std::string split : {"", "/2"}) {
      check(tiles<ConvForward>(math, p, split),
            [&](const std::string& v, int shift) { return forward(math, p, v, x, w, shift); });
      check(tiles<ConvDgrad>(math, p, split),
            [&](const std::string& v, int shift) { return dgrad(math, p, v, dy, w, shift); });
      check(tiles<ConvWgrad>(math, p, split),
            [&](const std::string& v, int shift) { return wgrad(math, with_db, v, x, dy, shift); });
    }
  }
}

/// Every third number 1, every third -1.
std::vector<float> signs(std::int64_t count, int seed) {
  std::vector<float> v(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < v.size(); ++i) {
    v[i] = static_cast<float>((7 * i + i / 5 + static_cast<std::size_t>(seed)) % 3) - 1;
  }
  return v;
}

/// y by the definition, without padding, groups and strides.
std::vector<float> correlate(const ConvProblem& p, const std::vector<float>& x,
                             const std::vector<float>& w) {
  std::vector<float> y;
  const auto at = [](const std::vector<float>& v, std::int64_t i) {
    return v[static_cast<std::size_t>(i)];
  };
  for (std::int64_t i = 0; i < p.p(); ++i) {
    for (std::int64_t j = 0; j < p.q(); ++j) {
      for (std::int64_t k = 0; k < p.k; ++k) {
        float sum = 0;
        for (std::int64_t r = 0; r < p.r; ++r) {
          for (std::int64_t s = 0; s < p.s; ++s) {
            for (std::int64_t c = 0; c < p.c; ++c) {
              sum += at(x, ((i + r) * p.w + j + s) * p.c + c) *
                     at(w, ((k * p.r + r) * p.s + s) * p.c + c);
            }
          }
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

float inner_product(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0F);
}

// More taps along an axis than a pixel of a tile has bits for. All sums are below 256: exact.
TEST_P(ImplicitGemm, TakesLongFilters) {
  for (const char* text : {"n1c8h18k8r16s2", "n1c8h3w19k16r1s17", "n1c8h16w16k8r15s1"}) {
    const ConvProblem p = parse_conv(text);
    const auto x = signs(p.x_shape().elements(), 0), w = signs(p.w_shape().elements(), 1),
               dy = signs(p.y_shape().elements(), 2);
    const std::vector<float> y = correlate(p, x, w);
    EXPECT_EQ(forward(GetParam(), p, "", x, w, 0), y) << text;
    EXPECT_EQ(inner_product(dgrad(GetParam(), p, "", dy, w, 0), x), inner_product(dy, y)) << text;
  }
}

// Tensors that are not aligned go to the scalar kernel, whose tiles are not those that are cut.
TEST_P(ImplicitGemm, CutTilesTakeAnyAlignment) {
  const Math math = GetParam();
  const ConvProblem p = parse_conv("n1c32h10k32r3ph1");
  const ConvProblem with_db = parse_conv("n1c32h10k32r3ph1+db");
  const auto x = integers(p.x_shape().elements(), 1), w = integers(p.w_shape().elements(), 2),
             dy = integers(p.y_shape().elements(), 3);
  const auto check = [&](const char* cut, const auto& run) {
    const std::vector<float> whole = run("", 0);
    EXPECT_EQ(run(cut, 0), whole) << cut;
    EXPECT_EQ(run(cut, 1), whole) << cut << ", not aligned";
  };
  check("128x64~3", [&](const char* v, int shift) { return forward(math, p, v, x, w, shift); });
  check("128x64~3", [&](const char* v, int shift) { return dgrad(math, p, v, dy, w, shift); });
  check("64x128~2",
        [&](const char* v, int shift) { return wgrad(math, with_db, v, x, dy, shift); });
}

// Operands that are rounded beforehand give the same bits, those that are not give others: each is
// rounded as the mode says, to nearest. In bf16 they lie so in memory, dy of the bias gradient too.
TEST_P(ImplicitGemm, RoundsItsOperandsAndNotTheBiasGradient) {
  const Math math = GetParam();
  const ConvProblem p = parse_conv("n1c8h6k8r3ph1+db");
  const auto rounded = [math](std::vector<float> v) {
    for (float& e : v) {
      e = math == Math::fp32 ? e : math == Math::tf32 ? round_tf32(e) : to_float(to_bf16(e));
    }
    return v;
  };
  const auto x = reals(p.x_shape().elements(), 1), w = reals(p.w_shape().elements(), 2),
             dy = reals(p.y_shape().elements(), 3);
  const ConvProblem plain = parse_conv("n1c8h6k8r3ph1");
  EXPECT_EQ(forward(math, plain, "", x, w, 0), forward(math, plain, "", rounded(x), rounded(w), 0));
  EXPECT_EQ(dgrad(math, plain, "", dy, w, 0), dgrad(math, plain, "", rounded(dy), rounded(w), 0));
  const std::vector<float> of_raw = wgrad(math, p, "", x, dy, 0);
  const std::vector<float> of_rounded = wgrad(math, p, "", rounded(x), rounded(dy), 0);
  const auto weights = static_cast<std::ptrdiff_t>(p.w_shape().elements());
  EXPECT_TRUE(std::equal(of_raw.begin(), of_raw.begin() + weights, of_rounded.begin()));
  const bool same_db =
      std::equal(of_raw.begin() + weights, of_raw.end(), of_rounded.begin() + weights);
  EXPECT_EQ(same_db, math != Math::tf32) << "db sums dy as it lies";
  if (math == Math::fp32) return;
  EXPECT_NE(forward(math, plain, "", x, w, 0), forward(Math::fp32, plain, "", x, w, 0));
}

TEST_P(ImplicitGemm, KeepsNaN) {
  const ConvProblem p = parse_conv("n1c4h1k1r1");
  const std::vector<float> x = {1, std::nanf(""), 2, 3}, w = {1, 1, 1, 1};
  EXPECT_TRUE(std::isnan(forward(GetParam(), p, "", x, w, 0)[0]));
}

TEST_P(ImplicitGemm, OffersWhatFitsTheSharedMemory) {
  const Algorithm<ConvForward>& a = implicit_gemm<ConvForward>(GetParam());
  const ConvProblem p = parse_conv("n2c8h7k16r3ph1");
  const bool fp32 = GetParam() == Math::fp32;
  EXPECT_EQ(a.variants(p, card(80, 163), {}).size(), fp32 ? 3U : 6U);
  EXPECT_EQ(a.variants(p, card(75, 50), {}).size(), fp32 ? 2U : 1U) << "the small tiles alone";
  EXPECT_EQ(a.can_run(p, card(75, 16)).why_not, "too little shared memory");
}

TEST_P(ImplicitGemm, SplitsLongSumsOfFewOutputs) {
  for (const char* text : {"n1c8h4k8r3ph1", "n1c3h8k5r3"}) {
    const ConvProblem p = parse_conv(text);
    const auto variants = implicit_gemm<ConvForward>(GetParam()).variants(p, card(80, 163), {});
    EXPECT_EQ(variants.front().find('/'), std::string::npos)
        << "too short to pay for a second pass";
  }
  const ConvProblem deep = parse_conv("n1c2048h4k64r3ph1");
  const auto forward = implicit_gemm<ConvForward>(GetParam()).variants(deep, card(80, 163), {});
  EXPECT_NE(forward.front().find('/'), std::string::npos) << forward.front();
}

INSTANTIATE_TEST_SUITE_P(Modes, ImplicitGemm, testing::Values(Math::fp32, Math::tf32, Math::bf16),
                         [](const auto& test) { return std::string(name_of(test.param)); });

}  // namespace
}  // namespace fovea::test
