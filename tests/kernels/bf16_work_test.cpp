// bf16_work_test.cpp - counted sectors of ops on bf16 tensors: each byte of their operands once.
#include <fovea/kernels/compare/counting.h>
#include <fovea/kernels/compare/execution.h>
#include <fovea/kernels/compare/typed.h>
#include <fovea/kernels/emulator/counts.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace fovea::compare {
namespace {

// What the op's algorithm of that name does on bf16 tensors.
template <class Op>
emulator::Counts work_in_bf16(const Subject& subject, const typename Op::Problem& p,
                              const std::string& name) {
  const auto& list = counting_algorithms().list<Op>();
  const auto found = std::ranges::find(list, name, &Algorithm<Op>::name);
  if (found == list.end()) throw InvalidArgument("no algorithm is called " + name);
  const auto trial = Typed<Op>::trial(*found, p, Math::bf16);
  const CaseValues in = make_values(subject, Values::reals, 1, Math::bf16);
  Execution execution(subject, *trial, "", device_info(Device::emulated()), in, false);
  emulator::Counts c;
  const emulator::ScopedCounting counting(c);
  execution.launch_and_wait();
  return c;
}

// Within a tenth of the sectors of what is read and of what is written.
template <class Op>
void expect_each_byte_once(const typename Op::Problem& p, const std::string& name) {
  const auto subject = Typed<Op>::subject(p);
  SCOPED_TRACE(std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " + name + " " +
               subject->facts().problem);
  const emulator::Counts c = work_in_bf16<Op>(*subject, p, name);
  double read = 0, written = 0;  // sectors
  for (const Operand& o : subject->operands()) {
    constexpr double kSector = 32;
    const std::size_t bytes = size_of(stored_type(o, Math::bf16));
    (o.role == Role::in ? read : written) +=
        static_cast<double>(o.shape.elements()) * static_cast<double>(bytes) / kSector;
  }
  EXPECT_GE(static_cast<double>(c.read_sectors), read);
  EXPECT_LE(static_cast<double>(c.read_sectors), 1.1 * read);
  EXPECT_GE(static_cast<double>(c.write_sectors), written);
  EXPECT_LE(static_cast<double>(c.write_sectors), 1.1 * written);
}

bool counts() { return !counting_algorithms().list<Add>().empty(); }

TEST(Bf16Work, PointwiseOpsMoveEachByteOnce) {
  if (!counts()) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  expect_each_byte_once<ActivationForward>({8192, Activation::relu}, "relu");
  expect_each_byte_once<ActivationForward>({8192, Activation::tanh}, "tanh");
  expect_each_byte_once<ActivationBackward>({8192, Activation::relu}, "relu");
  expect_each_byte_once<Scale>({8192, 0.5F}, "vector");
  expect_each_byte_once<Add>({8192}, "vector");
}

// Windows of pooling lie side by side here: of those that overlap caches keep the common cells.
// Pixels are deep: at a pixel's first and last channels lanes part, which the count takes for two
// requests for one sector.
TEST(Bf16Work, PlanesAreMovedOnce) {
  if (!counts()) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  expect_each_byte_once<MaxPoolForward>(parse_pool("n1c32h16r2u2"), "window");
  expect_each_byte_once<AvgPoolForward>(parse_pool("n1c32h16r2u2"), "window");
  expect_each_byte_once<LrnForward>(parse_lrn("n1c1024h3size5a0.1b0.75k2"), "across");
  expect_each_byte_once<LrnBackward>(parse_lrn("n1c1024h3size5a0.1b0.75k2"), "across");
  expect_each_byte_once<LrnPoolForward>(parse_lrn_pool("n1c64h17size5a0.1b0.75k2r3u2"), "rolling");
}

TEST(Bf16Work, BiasGradientReadsEachByteOnce) {
  if (!counts()) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  const BiasProblem p{256, 128};
  const auto c = work_in_bf16<BiasGradient>(*Typed<BiasGradient>::subject(p), p, "two_stage");
  EXPECT_EQ(c.read_sectors, 256U * 128 * 2 / 32);
  EXPECT_EQ(c.write_sectors, 2 * 128U * 4 / 32) << "fp32 sums: two stores of half a sector";
}

}  // namespace
}  // namespace fovea::compare
