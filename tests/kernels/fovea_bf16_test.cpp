// fovea_bf16_test.cpp - engine fovea's ops on bf16 tensors that do and do not allow 16-byte access,
// and together and apart: the same bits. That those bits are right is what the doors test.
#include <fovea/tests/kernels/against_reference.h>

namespace fovea::test {
namespace {

/// Elements of bf16 that begin at a multiple of 16 bytes, or 2 bytes behind one.
class Narrow {
 public:
  Narrow(const std::vector<float>& v, int shift)
      : shift_{shift}, v_(v.size() + static_cast<std::size_t>(shift)) {
    std::transform(v.begin(), v.end(), v_.begin() + shift, to_bf16);
  }
  TensorView view(const Shape& shape) { return {v_.data() + shift_, DType::bf16, shape}; }
  std::vector<float> values() const {
    std::vector<float> v;
    for (auto i = static_cast<std::size_t>(shift_); i < v_.size(); ++i) {
      v.push_back(to_float(v_[i]));
    }
    return v;
  }

 private:
  int shift_;
  std::vector<bf16> v_;
};

/// f(call, shift) gives the same for either shift.
template <class Op, class F>
void expect_any_address(const typename Op::Problem& p, const F& f) {
  SCOPED_TRACE(std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " + to_string(p));
  Registry fovea;
  emu::add_algorithms(fovea);
  const Algorithm<Op>& algorithm = first_that_can<Op>(fovea, p, Device::emulated());
  EXPECT_TRUE(algorithm.bf16_tensors);
  const Call<Op> call(algorithm, p, Device::emulated());
  const std::vector<float> aligned = f(call, 0);
  EXPECT_GT(std::count_if(aligned.begin(), aligned.end(), [](float v) { return v != 0; }), 0);
  EXPECT_EQ(f(call, 1), aligned);
}

TEST(FoveaBf16, PointwiseOpsTakeAnyAddress) {
  constexpr std::int64_t kCount = 1030;
  const Shape shape{kCount};
  expect_any_address<ActivationForward>({kCount, Activation::relu}, [&](auto& call, int shift) {
    Narrow x(reals(kCount, 1), shift);
    call({x.view(shape), x.view(shape), {}});
    return x.values();
  });
  expect_any_address<ActivationBackward>({kCount, Activation::tanh}, [&](auto& call, int shift) {
    Narrow dy(reals(kCount, 1), 0), y(reals(kCount, 2), shift);
    call({dy.view(shape), y.view(shape), dy.view(shape), {}});
    return dy.values();
  });
  expect_any_address<Add>({kCount}, [&](auto& call, int shift) {
    Narrow a(reals(kCount, 1), 0), b(reals(kCount, 2), shift);
    call({a.view(shape), b.view(shape), a.view(shape), {}});
    return a.values();
  });
}

TEST(FoveaBf16, BiasAndDropoutTakeAnyAddress) {
  constexpr int kRows = 300, kChannels = 16;
  constexpr std::int64_t kCount = std::int64_t{kRows} * kChannels;
  const Shape shape{kRows, kChannels};
  expect_any_address<AddBias>({kRows, kChannels}, [&](auto& call, int shift) {
    Narrow x(reals(kCount, 1), shift);
    Operand b(reals(kChannels, 2));
    call({x.view(shape), b.view({kChannels}), x.view(shape), {}});
    return x.values();
  });
  expect_any_address<BiasGradient>({kRows, kChannels}, [&](auto& call, int shift) {
    Narrow dy(integers(kCount, 1), shift);  // sums in either order are exact
    Operand db(nothing(kChannels));
    call({dy.view(shape), db.view({kChannels}), {}});
    return db.values();
  });
  for (const std::uint64_t first_row : {0, 1}) {  // kept elements of a group, and of parts of two
    StepState state{.seed = 9, .step = 4, .first_row = first_row};
    for (const std::int64_t per_image : {16, 13, 4}) {
      const std::int64_t count = 5 * per_image;
      expect_any_address<Dropout>({5, per_image, 0.4F, 2, 2}, [&](auto& call, int shift) {
        Narrow x(reals(count, 1), shift);
        call({x.view({5, per_image}), x.view({5, per_image}), {nullptr, &state}});
        return x.values();
      });
    }
  }
}

/// max pooling, lrn_pool: what was put out, and where it lay.
std::vector<float> with_places(std::vector<float> y, const std::vector<std::uint8_t>& places) {
  y.insert(y.end(), places.begin(), places.end());
  return y;
}

TEST(FoveaBf16, PoolingTakesAnyAddress) {
  const PoolProblem p = parse_pool("n1c16h7r3u2ph1");
  const Shape in = p.x_shape(), out = p.y_shape();
  std::vector<std::uint8_t> places(static_cast<std::size_t>(out.elements()));
  const TensorView argmax{places.data(), DType::u8, out};
  expect_any_address<MaxPoolForward>(p, [&](auto& call, int shift) {
    Narrow x(reals(in.elements(), 1), shift), y(nothing(out.elements()), 0);
    call({x.view(in), y.view(out), argmax, {}});
    return with_places(y.values(), places);
  });
  expect_any_address<MaxPoolBackward>(p, [&](auto& call, int shift) {
    Narrow dy(reals(out.elements(), 1), 0), dx(nothing(in.elements()), shift);
    call({dy.view(out), argmax, dx.view(in), {}});
    return dx.values();
  });
  expect_any_address<AvgPoolForward>(p, [&](auto& call, int shift) {
    Narrow x(reals(in.elements(), 1), 0), y(nothing(out.elements()), shift);
    call({x.view(in), y.view(out), {}});
    return y.values();
  });
  expect_any_address<AvgPoolBackward>(p, [&](auto& call, int shift) {
    Narrow dy(reals(out.elements(), 1), shift), dx(nothing(in.elements()), 0);
    call({dy.view(out), dx.view(in), {}});
    return dx.values();
  });
}

TEST(FoveaBf16, NormalisationTakesAnyAddress) {
  const LrnPoolProblem p = parse_lrn_pool("n1c16h7size5a0.5b0.75k2r3u2");
  const Shape in = p.x_shape(), out = p.y_shape();
  std::vector<std::uint8_t> places(static_cast<std::size_t>(out.elements()));
  const TensorView argmax{places.data(), DType::u8, out};
  expect_any_address<LrnForward>(p.lrn, [&](auto& call, int shift) {
    Narrow x(reals(in.elements(), 1), shift), y(nothing(in.elements()), 0);
    call({x.view(in), y.view(in), {}});
    return y.values();
  });
  expect_any_address<LrnBackward>(p.lrn, [&](auto& call, int shift) {
    Narrow x(reals(in.elements(), 1), 0), dy(reals(in.elements(), 2), shift);
    Narrow dx(nothing(in.elements()), 0);
    call({x.view(in), dy.view(in), dx.view(in), {}});
    return dx.values();
  });
  expect_any_address<LrnPoolForward>(p, [&](auto& call, int shift) {
    Narrow x(reals(in.elements(), 1), 0), y(nothing(out.elements()), shift);
    call({x.view(in), y.view(out), argmax, {}});
    return with_places(y.values(), places);
  });
  expect_any_address<LrnPoolBackward>(p, [&](auto& call, int shift) {
    Narrow x(reals(in.elements(), 1), 0), dy(reals(out.elements(), 2), shift);
    Narrow dx(nothing(in.elements()), 0);
    call({x.view(in), argmax, dy.view(out), dx.view(in), {}});
    return dx.values();
  });
}

// Rounding keeps the order: the greatest of rounded values is the greatest value, rounded.
TEST(FoveaBf16, LrnPoolGivesTheOutputOfItsPartsApart) {
  Registry fovea;
  emu::add_algorithms(fovea);
  const Device device = Device::emulated();
  for (const char* text : {"n2c16h11size5a0.5b0.75k2r3u2", "n1c6h9w12size3a0.5b0.5k1g3r2s3u2v1ph1",
                           "n1c256h3w11size5a0.1b0.75k2r3u2"}) {
    SCOPED_TRACE(text);
    const LrnPoolProblem p = parse_lrn_pool(text);
    const Shape in = p.x_shape(), out = p.y_shape();
    Narrow x(reals(in.elements(), 1), 0), between(nothing(in.elements()), 0);
    Narrow y(nothing(out.elements()), 0), both(nothing(out.elements()), 0);
    std::vector<std::uint8_t> places(static_cast<std::size_t>(out.elements()));
    const TensorView argmax{places.data(), DType::u8, out};
    const Call<LrnForward> lrn(first_that_can<LrnForward>(fovea, p.lrn, device), p.lrn, device);
    const Call<MaxPoolForward> pool(fovea.list<MaxPoolForward>().front(), p.pool, device);
    const Call<LrnPoolForward> joined(first_that_can<LrnPoolForward>(fovea, p, device), p, device);
    lrn({x.view(in), between.view(in), {}});
    pool({between.view(in), y.view(out), argmax, {}});
    joined({x.view(in), both.view(out), argmax, {}});
    EXPECT_EQ(both.values(), y.values());
  }
}

TEST(FoveaBf16, GradientsOfLossesAndPicturesTakeAnyAddress) {
  const LossProblem p{5, 16};
  const Shape shape{p.n, p.c};
  StepState state{.seed = 3, .step = 7, .first_row = 5, .valid = 4};
  std::vector<std::int32_t> labels(static_cast<std::size_t>(p.n), p.c - 1);
  expect_any_address<SoftmaxLossBackward>(p, [&](auto& call, int shift) {
    Operand y(reals(shape.elements(), 1));
    Narrow dx(nothing(shape.elements()), shift);
    call({y.view(shape), {labels.data(), DType::i32, {p.n}}, dx.view(shape), {nullptr, &state}});
    return dx.values();
  });
  expect_any_address<MseLossBackward>(p, [&](auto& call, int shift) {
    Operand target(reals(shape.elements(), 1));
    Narrow x(reals(shape.elements(), 2), shift), dx(nothing(shape.elements()), 0);
    call({x.view(shape), target.view(shape), dx.view(shape), {nullptr, &state}});
    return dx.values();
  });
  const InputProblem pictures{
      .n = 2, .h = 9, .w = 8, .c = 3, .out_h = 6, .out_w = 4, .view = View::random, .mirror = true};
  std::vector<std::uint8_t> x(static_cast<std::size_t>(pictures.x_shape().elements()));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint8_t>(i * 37 % 256);
  expect_any_address<InputCast>(pictures, [&](auto& call, int shift) {
    Operand mean(reals(3, 1)), scale(reals(3, 2));
    Narrow y(nothing(pictures.y_shape().elements()), shift);
    call({{x.data(), DType::u8, pictures.x_shape()},
          mean.view({3}),
          scale.view({3}),
          y.view(pictures.y_shape()),
          {nullptr, &state}});
    return y.values();
  });
}

}  // namespace
}  // namespace fovea::test
