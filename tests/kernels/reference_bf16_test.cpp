// reference_bf16_test.cpp - the reference on bf16 tensors: what it computes in fp32 of the same
// numbers, rounded when it is stored; and the update with gradients and copies in bf16.
#include <fovea/core/philox.h>
#include <fovea/kernels/cpu/reference/reference.h>
#include <fovea/kernels/ops/launch.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace fovea::test {
namespace {

// An operand as it is in math mode bf16: type bf16 or wide.
struct Slot {
  Shape shape;
  DType type = DType::bf16;
};

// The operands of one call in memory of their own.
class Operands {
 public:
  // The bf16 ones as such, or as floats.
  Operands(const std::vector<Slot>& slots, bool narrow) {
    for (const Slot& s : slots) {
      const DType type = s.type == DType::bf16 && !narrow ? DType::f32 : s.type;
      bytes_.emplace_back(static_cast<std::size_t>(s.shape.elements()) * size_of(type));
      views_.push_back(s.shape.rank() == 0 ? TensorView{}
                                           : TensorView{bytes_.back().data(), type, s.shape});
    }
  }
  std::span<const TensorView> views() const { return views_; }
  // Numbers that bf16 holds, of both signs; small places and labels.
  void fill() {
    for (std::size_t i = 0; i < views_.size(); ++i) {
      if (!views_[i]) continue;
      const Philox bits{7, i};
      for (std::int64_t k = 0; k < views_[i].elements(); ++k) {
        const auto random = bits(static_cast<std::uint64_t>(k));
        set(i, k, 2 * uniform(random[0]) - 1, random[1] % 3);
      }
    }
  }
  float get(std::size_t operand, std::int64_t k) const {
    const TensorView& v = views_[operand];
    if (v.dtype == DType::bf16) return to_float(v.as<bf16>()[k]);
    if (v.dtype == DType::f32) return v.as<float>()[k];
    if (v.dtype == DType::i32) return static_cast<float>(v.as<std::int32_t>()[k]);
    return static_cast<float>(v.as<std::uint8_t>()[k]);
  }

 private:
  void set(std::size_t operand, std::int64_t k, float number, std::uint32_t place) {
    const TensorView& v = views_[operand];
    if (v.dtype == DType::bf16) v.as<bf16>()[k] = to_bf16(number);
    if (v.dtype == DType::f32) v.as<float>()[k] = to_float(to_bf16(number));
    if (v.dtype == DType::u8) v.as<std::uint8_t>()[k] = static_cast<std::uint8_t>(place);
    if (v.dtype == DType::i32) v.as<std::int32_t>()[k] = static_cast<std::int32_t>(place);
  }

  std::vector<std::vector<std::byte>> bytes_;
  std::vector<TensorView> views_;
};

// So often in a row: the second run finds what the first left.
template <class Op>
void run_reference(const typename Op::Problem& p, Math math, std::span<const TensorView> operands,
                   int runs = 2) {
  Registry registry;
  add_reference_algorithms(registry);
  const DeviceInfo cpu{};
  for (const Algorithm<Op>& a : registry.list<Op>()) {
    if (!verdict(a, p, cpu, math)) continue;
    const Stream stream(Device::cpu());
    const auto ready = a.prepare(p, "", cpu);
    std::vector<std::byte> workspace(ready->workspace_bytes());
    StepState state{.seed = 5, .step = 1, .learning_rate = 0.5F};
    state.valid = 2;
    const auto args = args_of<Op>(operands, {workspace.data(), &state});
    ready->bind(args);
    for (int i = 0; i < runs; ++i) ready->run(args, stream);
    stream.view().synchronize();
    return;
  }
  FAIL() << Op::kName << " has no reference in " << name_of(math);
}

template <class Op>
void expect_as_in_fp32(const typename Op::Problem& p, const std::vector<Slot>& slots,
                       std::size_t outputs) {
  SCOPED_TRACE(std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " + to_string(p));
  Operands wide(slots, false), narrow(slots, true);
  wide.fill();
  narrow.fill();
  run_reference<Op>(p, Math::fp32, wide.views(), 1);
  run_reference<Op>(p, Math::bf16, narrow.views(), 1);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].shape.rank() == 0) continue;
    const bool is_output = i >= slots.size() - outputs;
    int others = 0;
    for (std::int64_t k = 0; k < slots[i].shape.elements(); ++k) {
      const bool rounded = is_output && slots[i].type == DType::bf16;
      const float want = wide.get(i, k);
      ASSERT_EQ(narrow.get(i, k), rounded ? to_float(to_bf16(want)) : want)
          << "operand " << i << ", element " << k;
      others += want != wide.get(i, 0);
    }
    if (is_output && slots[i].shape.elements() > 8) {
      EXPECT_GT(others, 0) << "operand " << i << " is all alike: the test says nothing";
    }
  }
}

constexpr DType kF32 = DType::f32, kU8 = DType::u8;

TEST(ReferenceBf16, ProductsAreThoseOfFp32Rounded) {
  const ConvProblem c = parse_conv("n2c4h5k6r3ph1g2");
  const Slot x{c.x_shape()}, w{c.w_shape()}, y{c.y_shape()}, b{{c.k}, kF32}, none{};
  ConvProblem p = c;
  p.epilogue = {.bias = true, .relu = true};
  expect_as_in_fp32<ConvForward>(p, {x, w, b, y}, 1);
  expect_as_in_fp32<ConvForward>(c, {x, w, none, y}, 1);
  p.epilogue = {.mask = true, .acc = true};
  expect_as_in_fp32<ConvDgrad>(p, {y, w, x, x}, 1);
  p.epilogue = {.db = true};
  expect_as_in_fp32<ConvWgrad>(p, {x, y, w, b}, 2);

  LinearProblem l = parse_linear("m3n5k7");
  const Slot lx{l.x_shape()}, lw{l.w_shape()}, ly{l.y_shape()}, lb{{l.n}, kF32};
  l.epilogue = {.bias = true, .tanh = true};
  expect_as_in_fp32<LinearForward>(l, {lx, lw, lb, ly}, 1);
  l.epilogue = {.mask = true};
  expect_as_in_fp32<LinearDgrad>(l, {ly, lw, lx, lx}, 1);
  l.epilogue = {.acc = true, .db = true};
  expect_as_in_fp32<LinearWgrad>(l, {lx, ly, lw, lb}, 2);
}

TEST(ReferenceBf16, PlanesAreThoseOfFp32Rounded) {
  const PoolProblem pool = parse_pool("n2c3h5r3u2");
  const Slot x{pool.x_shape()}, y{pool.y_shape()}, argmax{pool.y_shape(), kU8};
  expect_as_in_fp32<MaxPoolForward>(pool, {x, y, argmax}, 2);
  expect_as_in_fp32<MaxPoolBackward>(pool, {y, argmax, x}, 1);
  expect_as_in_fp32<AvgPoolForward>(pool, {x, y}, 1);
  expect_as_in_fp32<AvgPoolBackward>(pool, {y, x}, 1);
  const LrnProblem lrn = parse_lrn("n2c3h5size3a1b0.75k2");
  expect_as_in_fp32<LrnForward>(lrn, {x, x}, 1);
  expect_as_in_fp32<LrnBackward>(lrn, {x, x, x}, 1);
  LrnPoolProblem both{.lrn = lrn, .pool = pool};
  expect_as_in_fp32<LrnPoolForward>(both, {x, y, argmax}, 2);
  both.epilogue.mask = true;
  expect_as_in_fp32<LrnPoolBackward>(both, {x, argmax, y, x}, 1);
}

TEST(ReferenceBf16, ValuesAreThoseOfFp32Rounded) {
  const Slot x{{2, 12}}, b{{6}, kF32};
  expect_as_in_fp32<ActivationForward>({24, Activation::tanh}, {x, x}, 1);
  expect_as_in_fp32<ActivationBackward>({24, Activation::tanh}, {x, x, x}, 1);
  expect_as_in_fp32<ActivationBackward>({24, Activation::relu}, {x, x, x}, 1);
  expect_as_in_fp32<Scale>({24, 0.3F}, {x, x}, 1);
  expect_as_in_fp32<Add>({24}, {x, x, x}, 1);
  expect_as_in_fp32<AddBias>({4, 6}, {x, b, x}, 1);
  expect_as_in_fp32<BiasGradient>({4, 6}, {x, b}, 1);
  expect_as_in_fp32<Dropout>({2, 12, 0.5F, 2.0F, 0}, {x, x}, 1);
  const InputProblem in{.n = 2, .h = 4, .w = 4, .c = 3, .out_h = 3, .out_w = 3};
  expect_as_in_fp32<InputCast>(in, {{in.x_shape(), kU8}, {{3}, kF32}, {{3}, kF32}, {in.y_shape()}},
                               1);
  expect_as_in_fp32<FoldWeights>({2, 1, 3, 2, 2}, {{{2, 3, 2, 1}}, {{2, 2, 1, 4}}}, 1);
}

TEST(ReferenceBf16, LossesReadBf16AndKeepTheirOwnInFp32) {
  const LossProblem p{2, 12};
  const Slot logits{{2, 12}}, wide{{2, 12}, kF32}, labels{{2}, DType::i32}, metrics{{4}, kF32};
  expect_as_in_fp32<Softmax>(p, {logits, wide}, 1);
  expect_as_in_fp32<SoftmaxLoss>(p, {logits, labels, wide, metrics}, 2);
  expect_as_in_fp32<SoftmaxLossBackward>(p, {wide, labels, logits}, 1);
  expect_as_in_fp32<MseLoss>(p, {logits, wide, metrics}, 1);
  expect_as_in_fp32<MseLossBackward>(p, {logits, wide, logits}, 1);
}

// y may be x.
TEST(ReferenceBf16, WorksInPlace) {
  bf16 numbers[4] = {to_bf16(1.0F), to_bf16(-2.0F), to_bf16(3.0F), to_bf16(0.5F)};
  const TensorView v{numbers, DType::bf16, {4}};
  const TensorView both[] = {v, v};
  run_reference<Scale>({4, 2.0F}, Math::bf16, both, 2);
  const float want[4] = {4, -8, 12, 2};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(to_float(numbers[i]), want[i]) << i;
}

// As a step does: the same call on other numbers.
TEST(ReferenceBf16, EveryCallReadsItsOperandsAnew) {
  Registry registry;
  add_reference_algorithms(registry);
  const auto ready = registry.list<Scale>().front().prepare({1, 2.0F}, "", {});
  const Stream stream(Device::cpu());
  bf16 x, y;
  const Scale::Args args{{&x, DType::bf16, {1}}, {&y, DType::bf16, {1}}, {}};
  ready->bind(args);
  for (const float number : {1.0F, 3.0F, -5.0F}) {
    x = to_bf16(number);
    ready->run(args, stream);
    stream.view().synchronize();
    EXPECT_EQ(to_float(y), 2 * number);
  }
}

// A block of 192: one parameter with a gradient in bf16, one in f32, one frozen.
struct Block {
  float gradient[192] = {}, weights[192] = {}, velocity[192] = {};
  bf16 copies[192] = {};
  Segment table[3] = {{.offset = 0, .length = 3, .bf16_gradient = 1},
                      {.offset = 64, .length = 2, .decay = 0.5F},
                      {.offset = 128, .length = 2, .frozen = 1, .bf16_gradient = 1}};
  UpdateProblem problem{192, 3, 0.5F};

  Block() {
    for (int i = 0; i < 192; ++i) weights[i] = 1.0F + static_cast<float>(i) / 256 / 8;
    auto* narrow = reinterpret_cast<bf16*>(gradient);
    for (int i = 0; i < 3; ++i) narrow[i] = to_bf16(static_cast<float>(i + 1));
    gradient[64] = 4;
    gradient[65] = -2;
  }
  TensorView view(float* p) { return {p, DType::f32, {192}}; }
  TensorView segments() { return {table, DType::u8, {sizeof(table)}}; }
  void update() {
    const TensorView all[] = {
        view(gradient), segments(), view(weights), view(velocity), {copies, DType::bf16, {192}}};
    run_reference<SgdUpdate>(problem, Math::bf16, all, 1);
  }
  bool finite() {
    Registry registry;
    add_reference_algorithms(registry);
    StepState state;
    const Stream stream(Device::cpu());
    registry.list<FiniteCheck>()
        .front()
        .prepare(problem, "", {})
        ->run({view(gradient), segments(), {nullptr, &state}}, stream);
    stream.view().synchronize();
    return state.nonfinite == 0;
  }
};

TEST(ReferenceBf16, TheUpdateReadsNarrowGradientsAndWritesCopies) {
  Block b;
  const std::vector<float> before(std::begin(b.weights), std::end(b.weights));
  b.update();  // rate 0.5
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(b.weights[i], before[static_cast<std::size_t>(i)] - 0.5F * static_cast<float>(i + 1));
  }
  EXPECT_EQ(b.weights[64], before[64] - 0.5F * (0.5F * before[64] + 4));
  EXPECT_EQ(b.weights[65], before[65] - 0.5F * (0.5F * before[65] - 2));
  EXPECT_EQ(b.weights[128], before[128]);
  for (const int i : {0, 1, 2, 64, 65}) EXPECT_EQ(b.copies[i], to_bf16(b.weights[i])) << i;
  for (const int i : {3, 63, 66, 128, 191}) EXPECT_EQ(b.copies[i].bits, 0) << i << " is nobody's";
}

TEST(ReferenceBf16, TheCheckReadsEachGradientInItsType) {
  Block b;
  EXPECT_TRUE(b.finite());
  reinterpret_cast<bf16*>(b.gradient)[3] = {0x7fc0};  // NaN beyond the length: nobody's
  EXPECT_TRUE(b.finite());
  reinterpret_cast<bf16*>(b.gradient)[2] = {0x7f80};  // infinite
  EXPECT_FALSE(b.finite());
  reinterpret_cast<bf16*>(b.gradient)[2] = {};
  EXPECT_TRUE(b.finite());
  b.gradient[65] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(b.finite());
}

}  // namespace
}  // namespace fovea::test
