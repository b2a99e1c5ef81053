// fovea_planes_test.cpp - engine fovea's pooling, normalisation, pointwise ops and pictures under
// every thread order.
#include <fovea/tests/kernels/against_reference.h>

namespace fovea::test {
namespace {

std::vector<std::int64_t> counts() { return {1, 3, 4, 1023, 1024, 1030}; }

TEST(FoveaPointwise, ActivationsMatchTheReference) {
  for (const Activation kind : {Activation::relu, Activation::tanh}) {
    const float tolerance = kind == Activation::relu ? 0 : kFewRoundings;
    for (const std::int64_t count : counts()) {
      const ActivationProblem p{count, kind};
      expect_reference<ActivationForward>(p, tolerance, [&](const auto& call, int shift) {
        Operand x(reals(count, 1), shift), y(nothing(count), shift);
        call({x.view({count}), y.view({count}), {}});
        return y.values();
      });
      expect_reference<ActivationBackward>(p, tolerance, [&](const auto& call, int shift) {
        Operand dy(reals(count, 2), shift), y(reals(count, 3), shift);
        call({dy.view({count}), y.view({count}), dy.view({count}), {}});  // in place
        return dy.values();
      });
    }
  }
}

TEST(FoveaPointwise, ReluKeepsNaN) {
  const ActivationProblem p{5, Activation::relu};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  expect_reference<ActivationForward>(p, 0, [&](const auto& call, int shift) {
    Operand x({nan, -1, 2, nan, nan}, shift);
    call({x.view({5}), x.view({5}), {}});
    EXPECT_TRUE(std::isnan(x.values()[0]) && std::isnan(x.values()[4]));
    return x.values();
  });
}

TEST(FoveaPointwise, ReluPassesNoGradientWhereTheOutputIsZero) {
  const ActivationProblem p{5, Activation::relu};
  expect_reference<ActivationBackward>(p, 0, [&](const auto& call, int shift) {
    Operand dy({1, 2, 3, 4, 5}, shift), y({0, 1, -0.0F, 2, 0}, shift);
    call({dy.view({5}), y.view({5}), dy.view({5}), {}});
    EXPECT_EQ(dy.values(), (std::vector<float>{0, 2, 0, 4, 0}));
    return dy.values();
  });
}

TEST(FoveaPointwise, ScaleAndAddMatchTheReference) {
  for (const std::int64_t count : counts()) {
    expect_reference<Scale>({count, 0.3F}, 0, [&](const auto& call, int shift) {
      Operand x(reals(count, 1), shift), y(nothing(count), shift);
      call({x.view({count}), y.view({count}), {}});
      return y.values();
    });
    expect_reference<Add>({count}, 0, [&](const auto& call, int shift) {
      Operand a(reals(count, 1), shift), b(reals(count, 2), shift);
      call({a.view({count}), b.view({count}), a.view({count}), {}});  // in place
      return a.values();
    });
  }
}

TEST(FoveaBias, MatchesTheReferenceOnIntegers) {
  // Rows of one chunk, of two, and of a last chunk that is short; channels beside the tile's 32.
  for (const std::int64_t rows : {1, 7, 256, 257, 1000}) {
    for (const int channels : {1, 3, 4, 32, 36, 50}) {
      const BiasProblem p{rows, channels};
      const Shape shape{rows, channels};
      expect_reference<AddBias>(p, 0, [&](const auto& call, int shift) {
        Operand x(integers(rows * channels, 1), shift), b(integers(channels, 2), shift);
        Operand y(nothing(rows * channels), shift);
        call({x.view(shape), b.view({channels}), y.view(shape), {}});
        return y.values();
      });
      expect_reference<BiasGradient>(p, 0, [&](const auto& call, int shift) {
        Operand dy(integers(rows * channels, 1), shift), db(nothing(channels), shift);
        call({dy.view(shape), db.view({channels}), {}});
        return db.values();
      });
    }
  }
}

const char* const kPools[] = {
    "n2c4h5r3u2",    "n1c8h6r3u2ceil1",      "n2c3h7w5r2s3u2v1",         "n1c5h4r2u3",
    "n1c4h6r3u1ph1", "n1c6h8r3u2ph1:0ceil1", "n1c4h5w9r3u2ph1ceil1pad0", "n3c1h2r2u2",
    "n1c2h3r1u1",    "n1c12h5r5u5",          "n1c4h4r3u2ph2ceil1pad0"};

/// Few different values, so that windows have equal ones; a NaN and infinities.
std::vector<float> tied(std::int64_t count) {
  std::vector<float> v = integers(count, 5);
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (i % 11 == 4) v[i] = std::numeric_limits<float>::quiet_NaN();
    if (i % 5 == 0) v[i] = -std::numeric_limits<float>::infinity();
  }
  return v;
}

/// Pixels of one value each, of which there are two: equal also once they are normalised.
std::vector<float> alike_pixels(const Shape& shape) {
  const auto channels = static_cast<std::size_t>(shape[3]);
  const std::vector<float> draws = reals(shape.elements(), 5);
  std::vector<float> v(draws.size());
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = draws[i / channels] > 0 ? 2.0F : 1.0F;
  return v;
}

TEST(FoveaPool, MaxMatchesTheReferenceInValueAndPlace) {
  for (const char* text : kPools) {
    const PoolProblem p = parse_pool(text);
    const std::int64_t in = p.x_shape().elements(), out = p.y_shape().elements();
    expect_reference<MaxPoolForward>(p, 0, [&](const auto& call, int shift) {
      Operand x(tied(in), shift), y(nothing(out), shift);
      std::vector<std::uint8_t> argmax(static_cast<std::size_t>(out + shift), 255);
      const TensorView places{argmax.data() + shift, DType::u8, p.y_shape()};
      call({x.view(p.x_shape()), y.view(p.y_shape()), places, {}});
      std::vector<float> both = y.values();
      for (float& v : both) v = std::isnan(v) ? 1e9F : v;  // its bits are the input's, any NaN's
      both.insert(both.end(), argmax.begin() + shift, argmax.end());
      return both;
    });
    expect_reference<MaxPoolBackward>(p, 0, [&](const auto& call, int shift) {
      Operand dy(integers(out, 3), shift), dx(nothing(in), shift);
      std::vector<std::uint8_t> argmax(static_cast<std::size_t>(out + shift));
      const std::vector<float> draws = reals(out, 4);
      for (std::size_t i = 0; i < draws.size(); ++i) {
        argmax[i + static_cast<std::size_t>(shift)] =
            static_cast<std::uint8_t>((draws[i] + 1) / 2 * static_cast<float>(p.r * p.s));
      }
      const TensorView places{argmax.data() + shift, DType::u8, p.y_shape()};
      call({dy.view(p.y_shape()), places, dx.view(p.x_shape()), {}});
      return dx.values();
    });
  }
}

TEST(FoveaPool, AverageMatchesTheReference) {
  for (const char* text : kPools) {
    const PoolProblem p = parse_pool(text);
    const std::int64_t in = p.x_shape().elements(), out = p.y_shape().elements();
    expect_reference<AvgPoolForward>(p, 0, [&](const auto& call, int shift) {
      Operand x(integers(in, 1), shift), y(nothing(out), shift);
      call({x.view(p.x_shape()), y.view(p.y_shape()), {}});
      return y.values();
    });
    expect_reference<AvgPoolBackward>(p, kFewRoundings, [&](const auto& call, int shift) {
      Operand dy(reals(out, 1), shift), dx(nothing(in), shift);
      call({dy.view(p.y_shape()), dx.view(p.x_shape()), {}});
      return dx.values();
    });
  }
}

TEST(FoveaLrn, MatchesTheReference) {
  for (const char* text :
       {"n2c8h3size5a0.5b0.75k2", "n1c12h2size3a0.5b0.5k1g3div1", "n1c5h3size7a1b1k1",
        "n1c6h2size99a0.5b0.75k2g2", "n1c96h5size5a0.1b0.75k2", "n1c2052h1size5a0.5b0.75k2",
        "n2c3h9w5size3a0.5b0.75k1within1", "n1c35h5size5a0.5b0.75k1within1div1",
        "n1c2h3w12size9a0.5b0.6k2within1", "n1c1h3size99a0.1b0.75k2within1"}) {
    const LrnProblem p = parse_lrn(text);
    const std::int64_t count = p.x_shape().elements();
    expect_reference<LrnForward>(p, kFewRoundings, [&](const auto& call, int shift) {
      Operand x(reals(count, 1), shift), y(nothing(count), shift);
      call({x.view(p.x_shape()), y.view(p.x_shape()), {}});
      return y.values();
    });
    expect_reference<LrnBackward>(p, 5 * kFewRoundings, [&](const auto& call, int shift) {
      Operand x(reals(count, 1), shift), dy(reals(count, 2), shift), dx(nothing(count), shift);
      call({x.view(p.x_shape()), dy.view(p.x_shape()), dx.view(p.x_shape()), {}});
      return dx.values();
    });
  }
}

template <class Op>
const Algorithm<Op>& named(const Registry& registry, const std::string& name) {
  for (const Algorithm<Op>& a : registry.list<Op>()) {
    if (a.name == name) return a;
  }
  throw InvalidArgument("no algorithm is called " + name);
}

TEST(FoveaLrnPool, DeclinesWhatDoesNotFit) {
  Registry fovea;
  emu::add_algorithms(fovea);
  const DeviceInfo device = info_of(Device::emulated());
  const Algorithm<LrnPoolForward>& forward = named<LrnPoolForward>(fovea, "rolling");
  const Algorithm<LrnPoolBackward>& backward = named<LrnPoolBackward>(fovea, "rolling");
  EXPECT_TRUE(verdict(forward, parse_lrn_pool("n1c2304h3r3"), device, Math::fp32));
  EXPECT_FALSE(verdict(forward, parse_lrn_pool("n1c2305h3r3"), device, Math::fp32));
  EXPECT_TRUE(verdict(backward, parse_lrn_pool("n1c2048h3r2u2"), device, Math::fp32));
  EXPECT_FALSE(verdict(backward, parse_lrn_pool("n1c2049h3r2u2"), device, Math::fp32));
  EXPECT_FALSE(verdict(forward, parse_lrn_pool("n1c8h3r3within1"), device, Math::fp32));
  EXPECT_FALSE(verdict(backward, parse_lrn_pool("n1c8h3r3within1"), device, Math::fp32));
  for (const char* text : {"n1c264h5r3u2", "n1c12h5r3u2", "n1c16h5g4r3u2", "n1c8h5size3r3u2",
                           "n1c8h5b0.5r3u2", "n1c8h5r2u2", "n1c8h5r3u1", "n1c8h5r3u2within1"}) {
    const LrnPoolProblem p = parse_lrn_pool(text);
    EXPECT_FALSE(verdict(named<LrnPoolForward>(fovea, "walking"), p, device, Math::fp32)) << text;
    EXPECT_FALSE(verdict(named<LrnPoolBackward>(fovea, "walking"), p, device, Math::fp32)) << text;
  }
}

TEST(FoveaLrn, DeclinesWhatDoesNotFit) {
  Registry fovea;
  emu::add_algorithms(fovea);
  const LrnProblem wide = parse_lrn("n1c1h64size63within1");
  for (const auto& a : fovea.list<LrnBackward>()) {
    EXPECT_FALSE(verdict(a, wide, info_of(Device::emulated()), Math::fp32)) << a.name;
  }
  const LrnProblem deep = parse_lrn("n1c8193h1");
  for (const auto& a : fovea.list<LrnForward>()) {
    EXPECT_FALSE(verdict(a, deep, info_of(Device::emulated()), Math::fp32)) << a.name;
  }
}

template <class Op>
Call<Op> fovea_call(const std::string& name, const typename Op::Problem& p) {
  Registry fovea;
  emu::add_algorithms(fovea);
  return Call<Op>(named<Op>(fovea, name), p, Device::emulated());
}

/// Values by their bits; every NaN is the same.
std::vector<std::uint32_t> bits_of(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float v : values)
    bits.push_back(std::isnan(v) ? ~0U : std::bit_cast<std::uint32_t>(v));
  return bits;
}

/// LRN with pooling by the algorithm named, forward, backward and with ReLU's mask: two kernels, to
/// the bit as the five of them apart.
void expect_bits_of_parts(const std::string& name, const LrnPoolProblem& p,
                          const std::vector<float>& pictures) {
  const Shape in = p.x_shape(), out = p.y_shape();
  const auto inside = in.elements(), windows = out.elements();
  Operand x(pictures), between(nothing(inside));
  Operand y(nothing(windows)), both(nothing(windows));
  std::vector<std::uint8_t> winner(static_cast<std::size_t>(windows)), winners(winner);
  const TensorView place{winner.data(), DType::u8, out}, places{winners.data(), DType::u8, out};
  fovea_call<LrnForward>("across", p.lrn)({x.view(in), between.view(in), {}});
  fovea_call<MaxPoolForward>("window", p.pool)({between.view(in), y.view(out), place, {}});
  fovea_call<LrnPoolForward>(name, p)({x.view(in), both.view(out), places, {}});
  EXPECT_EQ(bits_of(both.values()), bits_of(y.values()));
  EXPECT_EQ(winners, winner);

  Operand dy(reals(windows, 2)), dbetween(nothing(inside)), dx(nothing(inside)), all(dx);
  fovea_call<MaxPoolBackward>("gather", p.pool)({dy.view(out), place, dbetween.view(in), {}});
  fovea_call<LrnBackward>("across", p.lrn)({x.view(in), dbetween.view(in), dx.view(in), {}});
  fovea_call<LrnPoolBackward>(name, p)({x.view(in), place, dy.view(out), all.view(in), {}});
  EXPECT_EQ(bits_of(all.values()), bits_of(dx.values()));

  LrnPoolProblem masked = p;
  masked.epilogue.mask = true;
  fovea_call<ActivationBackward>(
      "relu", {inside, Activation::relu})({dx.view(in), x.view(in), dx.view(in), {}});
  fovea_call<LrnPoolBackward>(name, masked)({x.view(in), place, dy.view(out), all.view(in), {}});
  EXPECT_EQ(bits_of(all.values()), bits_of(dx.values()));
}

/// On reals, on values with infinities and NaN, and on ties.
void expect_bits_of_parts(const std::string& name, const char* text) {
  SCOPED_TRACE(name + " " + text);
  const LrnPoolProblem p = parse_lrn_pool(text);
  expect_bits_of_parts(name, p, reals(p.x_shape().elements(), 1));
  expect_bits_of_parts(name, p, tied(p.x_shape().elements()));
  expect_bits_of_parts(name, p, alike_pixels(p.x_shape()));
}

TEST(FoveaLrnPool, GivesTheBitsOfItsPartsApart) {
  for (const char* text :
       {"n2c8h11size5a0.5b0.75k2r3u2", "n1c6h9w12size3a0.5b0.5k1g3r2s3u2v1ph1",
        "n2c5h17w6size7a1b1k1r3u2ceil1", "n1c700h4w11size5a0.1b0.75k2r3u2", "n1c4h19size5r2u3"}) {
    expect_bits_of_parts("rolling", text);
  }
}

// Widths that several strips have, and heights of several parts; groups; padding on either side;
// rows and columns that no window holds; warps with idle lanes, and with one pixel.
TEST(FoveaLrnPool, WalkingGivesTheBitsOfItsPartsApart) {
  for (const char* text :
       {"n2c8h11size5a0.5b0.75k2r3u2", "n1c96h7w70size5a0.5b0.75k1r3u2",
        "n1c256h29w37size5a0.1b0.75k2r3u2", "n3c32h8w6size5a1b0.75k1g2r3u2ph1",
        "n2c24h10w7size5a1b0.75k1r3u2ph0:1pw1:0", "n1c16h6w9size5a1b0.75k1r3u2ceil1",
        "n1c8h3w3size5a1b0.75k1r3u2ph2", "n1c40h31w4size5a1b0.75k1r3u2ph1:0ceil1"}) {
    expect_bits_of_parts("walking", text);
  }
}

void expect_pictures(const InputProblem& p, bool mean_image, StepState state) {
  SCOPED_TRACE(to_string(p));
  constexpr int kShift = 3;  // pictures begin at any byte
  std::vector<std::uint8_t> x(static_cast<std::size_t>(p.x_shape().elements()) + kShift);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint8_t>(i * 37 % 256);
  const Shape mean_shape = mean_image ? Shape{p.out_h, p.out_w, p.c} : Shape{p.c};
  expect_reference<InputCast>(p, kFewRoundings, [&](const auto& call, int shift) {
    Operand mean(reals(mean_shape.elements(), 1), shift), scale(reals(p.c, 2), shift);
    Operand y(nothing(p.y_shape().elements()), shift);
    const TensorView pictures{x.data() + kShift, DType::u8, p.x_shape()};
    call({pictures,
          mean.view(mean_shape),
          scale.view({p.c}),
          y.view(p.y_shape()),
          {nullptr, &state}});
    return y.values();
  });
}

TEST(FoveaInput, MatchesTheReferenceInEveryView) {
  StepState state{.seed = 3, .step = 7, .first_row = 5};
  for (const View view : {View::random, View::centre, View::top_left, View::top_right,
                          View::bottom_left, View::bottom_right}) {
    for (const bool mirror : {false, true}) {
      const InputProblem p{.n = 3,
                           .h = 9,
                           .w = 8,
                           .c = 3,
                           .out_h = 6,
                           .out_w = 5,
                           .pad = 1,
                           .view = view,
                           .mirror = mirror};
      expect_pictures(p, mirror, state);
    }
  }
  expect_pictures({.n = 2, .h = 28, .w = 28, .c = 1, .out_h = 28, .out_w = 28}, false, state);
  expect_pictures({.n = 2,
                   .h = 32,
                   .w = 32,
                   .c = 3,
                   .out_h = 32,
                   .out_w = 32,
                   .pad = 4,
                   .view = View::random,
                   .mirror = true},
                  true, state);
}

// Several blocks a picture, crops that begin anywhere, lines whose values no vector divides, and
// lines and channels that are too many for shared memory.
TEST(FoveaInput, MatchesTheReferenceHoweverItIsBrought) {
  StepState state{.seed = 4, .step = 2, .first_row = 9};
  for (const int out_w : {200, 201, 226}) {
    for (const bool mean_image : {false, true}) {
      expect_pictures({.n = 2,
                       .h = 14,
                       .w = 250,
                       .c = 3,
                       .out_h = 12,
                       .out_w = out_w,
                       .view = View::random,
                       .mirror = true},
                      mean_image, state);
    }
  }
  expect_pictures({.n = 1, .h = 2, .w = 2800, .c = 3, .out_h = 2, .out_w = 2790}, false, state);
  expect_pictures({.n = 2, .h = 3, .w = 4, .c = 70, .out_h = 2, .out_w = 3, .mirror = true}, false,
                  state);
}

}  // namespace
}  // namespace fovea::test
