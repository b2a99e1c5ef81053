// stream_k_test.cpp - variants that cut the last wave of tiles (kernels/cuda/tile/stream_k.h), in
// all passes and math modes against the reference: the door of every algorithm runs those it
// offers, which need grids larger than the emulator has time for.
#include <fovea/kernels/emulator/schedule.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/tests/support/one_door.h>
#include <fovea/tests/support/sanitized.h>

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace fovea::test {
namespace {

const Registry& registry() {
  static const Registry all = default_registry();
  return all;
}

// f(algorithm, variant) for every algorithm on the emulator and each of its tiles, with the last
// wave cut for so many blocks; returns how many there were in each math mode. Counts that do not
// fit a tile's grid are left out.
template <class Op, class F>
std::map<Math, int> for_each_cut(const typename Op::Problem& p, const std::vector<int>& counts,
                                 F f) {
  const DeviceInfo device = device_info(Device::emulated());
  std::map<Math, int> cut;
  for (const Algorithm<Op>& a : registry().list<Op>()) {
    if (!verdict(a, p, device, a.math)) continue;
    std::string before;
    for (const Variant& variant : variants_of(a, p, device, {})) {
      const std::string tile = variant.substr(0, variant.find_first_of("/~"));
      if (tile == before) continue;
      before = tile;
      for (const int blocks : counts) {
        const Variant v = tile + "~" + std::to_string(blocks);
        try {
          a.prepare(p, v, device);
        } catch (const InvalidArgument&) {
          continue;
        }
        ++cut[a.math];
        SCOPED_TRACE(a.name + " " + std::string(name_of(a.math)) + " '" + v + "' " +
                     std::string(name_of(Op::kPass)) + " " + to_string(p));
        f(a, v);
        if (testing::Test::HasFailure()) return cut;
      }
    }
  }
  return cut;
}

template <class Op>
void expect_reference(const typename Op::Problem& p) {
  const DeviceInfo device = device_info(Device::emulated());
  for (const Values values : {Values::integers, Values::reals}) {
    if (kSanitized && values == Values::reals) continue;  // no value changes which memory is used
    std::map<Math, std::pair<Case<Op>, CaseValues>> cases;
    for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
      Case<Op> in = make_case<Op>(p, values, 1, math);
      CaseValues reference = run_reference<Op>(p, in);
      cases.emplace(math, std::pair(std::move(in), std::move(reference)));
    }
    // One range a tile or many, one segment or two, whole waves before them.
    const std::map<Math, int> cut =
        for_each_cut<Op>(p, {2, 3, 5, 7}, [&](const Algorithm<Op>& a, const Variant& v) {
          const auto& [in, reference] = cases.at(a.math);
          expect_right(a, v, device, in, reference, values, {.again = values == Values::integers});
        });
    if (testing::Test::HasFailure()) return;
    for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
      EXPECT_GE(cut.contains(math) ? cut.at(math) : 0, 2) << name_of(math) << " " << to_string(p);
    }
  }
}

class CutWaves : public testing::TestWithParam<const char*> {};

using CutForward = CutWaves;
TEST_P(CutForward, AgreesWithTheReference) {
  expect_reference<ConvForward>(parse_conv(GetParam()));
}
INSTANTIATE_TEST_SUITE_P(
    Shapes, CutForward,
    testing::Values("n3c8h11k140r3ph1+bias+relu",          // edges, several columns of tiles
                    "n2c16h13k80r3ph1g2+relu",             // a tile of two groups in one range
                    "n1c8h19w17k16r2s3u2v1dh2+bias",       // an odd plane
                    "n2c3h15k70r5+bias+relu+drop0.5:1:3",  // copies of an element
                    "n1c3h31k24r5u2ph1+bias+relu"));       // also by space_to_depth

using CutDgrad = CutWaves;
TEST_P(CutDgrad, AgreesWithTheReference) { expect_reference<ConvDgrad>(parse_conv(GetParam())); }
INSTANTIATE_TEST_SUITE_P(Shapes, CutDgrad,
                         testing::Values("n3c72h11k16r3ph1+mask+acc", "n2c16h13k16r3ph1g2+mask",
                                         "n2c5h13k6r3ph1dh2+acc",
                                         "n1c3h41k40r5u4+mask+acc"));  // phases side by side

using CutWgrad = CutWaves;
TEST_P(CutWgrad, AgreesWithTheReference) { expect_reference<ConvWgrad>(parse_conv(GetParam())); }
INSTANTIATE_TEST_SUITE_P(Shapes, CutWgrad,
                         testing::Values("n2c16h9k72r3ph1+db", "n2c32h9k144r3ph1g2+acc+db",
                                         "n3c3h9k37r5ph2+acc+db",
                                         "n1c3h31k24r5u2ph1+db"));  // also by space_to_depth

class CutLinear : public testing::TestWithParam<const char*> {};

TEST_P(CutLinear, AgreesWithTheReference) {
  LinearProblem p = parse_linear(GetParam());
  p.epilogue = {.bias = true, .relu = true};
  expect_reference<LinearForward>(p);
  p.epilogue = {.mask = true, .acc = true};
  expect_reference<LinearDgrad>(p);
  p.epilogue = {.acc = true, .db = true};
  expect_reference<LinearWgrad>(p);
}
INSTANTIATE_TEST_SUITE_P(Shapes, CutLinear, testing::Values("m130n176k200", "m101n131k133"));

// The bits of the default schedule under all of them.
template <class Op>
void expect_same_bits(const char* text) {
  const auto p = parse_conv(text);
  const DeviceInfo device = device_info(Device::emulated());
  for_each_cut<Op>(p, {3}, [&](const Algorithm<Op>& a, const Variant& v) {
    const Case<Op> in = make_case<Op>(p, Values::reals, 1, a.math);
    const auto subject = Typed<Op>::subject(p);
    const auto trial = Typed<Op>::trial(a, p, a.math);
    Execution first(*subject, *trial, v, device, in, false);
    const CaseValues expected = first.run();
    for (const Schedule& schedule : all_schedules()) {
      SCOPED_TRACE(to_string(schedule));
      const ScopedSchedule scoped(schedule);
      Execution again(*subject, *trial, v, device, in, false);
      expect_close<Op>(again.run(), in, expected, true, a.math);
      if (testing::Test::HasFailure()) return;
    }
  });
}

TEST(CutSchedules, GiveTheSameBits) {
  expect_same_bits<ConvForward>("n2c8h9k16r3ph1+bias+relu");
  expect_same_bits<ConvDgrad>("n2c8h9k16r3ph1+mask");
  expect_same_bits<ConvWgrad>("n1c8h9k72r3ph1+db");
}

}  // namespace
}  // namespace fovea::test
