// ops_work_test.cpp - counted sectors of the ops beside convolution and matrix products: each byte
// of their operands once, in fp32 and in bf16.
#include <fovea/tests/kernels/counted_work.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace fovea::compare {
namespace {

constexpr double kSector = 32;  // bytes

template <class Op>
emulator::Counts work_of(const typename Op::Problem& p, const std::string& name, Math math) {
  const auto& list = counting_algorithms().list<Op>();
  const auto found = std::ranges::find(list, name, &Algorithm<Op>::name);
  if (found == list.end()) throw InvalidArgument("no algorithm is called " + name);
  return counted_work<Op>(*found, p, "", math);
}

// Sectors of all that is read and all that is written.
struct Least {
  double read = 0, written = 0;
};
Least least_of(const Subject& subject, Math math) {
  Least least;
  for (const Operand& o : subject.operands()) {
    const auto bytes = static_cast<double>(size_of(stored_type(o, math)));
    const double sectors = static_cast<double>(o.shape.elements()) * bytes / kSector;
    if (o.role != Role::out) least.read += sectors;
    if (o.role != Role::in) least.written += sectors;
  }
  return least;
}

void expect_within_a_tenth(const emulator::Counts& c, const Least& least) {
  EXPECT_GE(static_cast<double>(c.read_sectors), least.read);
  EXPECT_GE(static_cast<double>(c.write_sectors), least.written);
  EXPECT_LE(static_cast<double>(c.read_sectors + c.write_sectors),
            1.1 * (least.read + least.written))
      << "read " << c.read_sectors << " for " << least.read << ", written " << c.write_sectors
      << " for " << least.written;
}

// Of what is within a tenth: reads and writes each, or, where kernels read StepState or a table
// beside their operands, both together.
enum class Bound { each, together };

template <class Op>
void expect_each_byte_once(const typename Op::Problem& p, const std::string& name,
                           Bound bound = Bound::each) {
  const auto subject = Typed<Op>::subject(p);
  for (const Math math : {Math::fp32, Math::bf16}) {
    SCOPED_TRACE(std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " + name + " " +
                 subject->facts().problem + " " + std::string(name_of(math)));
    const emulator::Counts c = work_of<Op>(p, name, math);
    const Least least = least_of(*subject, math);
    expect_within_a_tenth(c, least);
    if (bound == Bound::together) continue;
    EXPECT_LE(static_cast<double>(c.read_sectors), 1.1 * least.read);
    EXPECT_LE(static_cast<double>(c.write_sectors), 1.1 * least.written);
  }
}

TEST(OpsWork, PointwiseOpsMoveEachByteOnce) {
  if (!counts()) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  expect_each_byte_once<ActivationForward>({8192, Activation::relu}, "relu");
  expect_each_byte_once<ActivationForward>({8192, Activation::tanh}, "tanh");
  expect_each_byte_once<ActivationBackward>({8192, Activation::relu}, "relu");
  expect_each_byte_once<Scale>({8192, 0.5F}, "vector");
  expect_each_byte_once<Add>({8192}, "vector");
  expect_each_byte_once<Dropout>({32, 1024, 0.5F, 2, 1}, "philox", Bound::together);
}

// Windows of pooling lie side by side here: of those that overlap caches keep the common cells.
// Pixels are deep: at a pixel's first and last channels lanes part, which the count takes for two
// requests for one sector.
TEST(OpsWork, PlanesAreMovedOnce) {
  if (!counts()) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  expect_each_byte_once<MaxPoolForward>(parse_pool("n1c32h16r2u2"), "window");
  expect_each_byte_once<AvgPoolForward>(parse_pool("n1c32h16r2u2"), "window");
  expect_each_byte_once<LrnForward>(parse_lrn("n1c1024h3size5a0.1b0.75k2"), "across");
  expect_each_byte_once<LrnBackward>(parse_lrn("n1c1024h3size5a0.1b0.75k2"), "across");
  expect_each_byte_once<LrnPoolForward>(parse_lrn_pool("n1c64h17size5a0.1b0.75k2r3u2"), "rolling");
  expect_each_byte_once<LrnPoolForward>(parse_lrn_pool("n1c64h17size5a0.1b0.75k2r3u2"), "walking");
  expect_each_byte_once<LrnPoolForward>(parse_lrn_pool("n1c96h55size5a0.1b0.75k2r3u2"), "walking");
  expect_each_byte_once<LrnPoolBackward>(parse_lrn_pool("n1c96h55size5a0.1b0.75k2r3u2"), "walking");
  expect_each_byte_once<LrnPoolBackward>(parse_lrn_pool("n1c256h27size5a0.1b0.75k2r3u2"),
                                         "walking");
}

TEST(OpsWork, BiasGradientReadsEachByteOnce) {
  if (!counts()) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  const emulator::Counts c = work_of<BiasGradient>({256, 128}, "two_stage", Math::bf16);
  EXPECT_EQ(c.read_sectors, 256U * 128 * 2 / 32);
  EXPECT_EQ(c.write_sectors, 2 * 128U * 4 / 32) << "fp32 sums: two stores of half a sector";
}

TEST(OpsWork, LossesReadARowOnce) {
  if (!counts()) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  expect_each_byte_once<Softmax>({16, 1000}, "warp");
  expect_each_byte_once<SoftmaxLoss>({16, 1000}, "warp", Bound::together);
  expect_each_byte_once<SoftmaxLossBackward>({16, 1000}, "vector", Bound::together);
}

// Several times the elements that the largest grid has at once: the table is read once for them.
TEST(OpsWork, TheUpdateMovesEachByteOnce) {
  if (!counts()) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  constexpr std::int64_t kGrid = 1056 * 1024;
  expect_each_byte_once<SgdUpdate>({3 * kGrid, 2, 0.9F}, "vector", Bound::together);
  expect_each_byte_once<FiniteCheck>({8 * kGrid, 2, 0.9F}, "vector");
}

TEST(OpsWork, PicturesAreReadOnce) {
  if (!counts()) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  expect_each_byte_once<InputCast>({.n = 2, .h = 32, .w = 32, .c = 3, .out_h = 32, .out_w = 32},
                                   "crop", Bound::together);
  // A crop's rows of 672 bytes begin and end inside a sector.
  const InputProblem crop{.n = 1,
                          .h = 256,
                          .w = 256,
                          .c = 3,
                          .out_h = 224,
                          .out_w = 224,
                          .view = View::random,
                          .mirror = true};
  for (const Math math : {Math::fp32, Math::bf16}) {
    Least least = least_of(*Typed<InputCast>::subject(crop), math);
    least.read = 224 * 224 * 3 / kSector;
    expect_within_a_tenth(work_of<InputCast>(crop, "crop", math), least);
  }
}

}  // namespace
}  // namespace fovea::compare
