// implicit_gemm_work_test.cpp - counted work of implicit_gemm on AlexNet's problems beside the
// model of docs/kernels/implicit_gemm.md, and its tiles on the cards we know.
#include <fovea/kernels/compare/suite.h>
#include <fovea/kernels/ops/space_to_depth.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/tests/kernels/counted_work.h>
#include <gtest/gtest.h>

#include <charconv>
#include <set>
#include <string_view>

namespace fovea::compare {
namespace {

template <class Op>
const Algorithm<Op>* find(const Registry& registry, const std::string& name, Math math) {
  for (const Algorithm<Op>& a : registry.list<Op>()) {
    if (a.name == name && a.math == math && contains(a.devices, DeviceKind::emulated)) return &a;
  }
  return nullptr;
}

// "256x128/4": rows, columns and parts.
struct Tile {
  std::int64_t rows = 0, columns = 0, parts = 1;
};
Tile tile_of(const Variant& v) {
  Tile t;
  const char* const end = v.data() + v.size();
  const char* at = std::from_chars(v.data(), end, t.rows).ptr;
  at = std::from_chars(at + 1, end, t.columns).ptr;
  if (at != end) std::from_chars(at + 1, end, t.parts);
  return t;
}

std::int64_t tiles(std::int64_t extent, std::int64_t tile) { return (extent + tile - 1) / tile; }

// Pairs of an output and a tap that meet inside the image, along one axis.
std::int64_t meetings(int outputs, int stride, int pad, int taps, int extent) {
  std::int64_t count = 0;
  for (int i = 0; i < outputs; ++i) {
    for (int t = 0; t < taps; ++t) {
      const int at = i * stride - pad + t;
      count += at >= 0 && at < extent ? 1 : 0;
    }
  }
  return count;
}

// Sectors that a pass reads and writes: each operand once for each tile across it, what lies in the
// padding not at all; partial sums, in fp32, written and read once.
struct Sectors {
  double read = 0, written = 0;
};
Sectors model(const ConvProblem& p, Pass pass, Math math, const Tile& t) {
  const std::int64_t met =
      meetings(p.p(), p.u, p.ph.begin, p.r, p.h) * meetings(p.q(), p.v, p.pw.begin, p.s, p.w) * p.n;
  const std::int64_t pixels = std::int64_t{p.n} * p.p() * p.q();
  const std::int64_t cells = std::int64_t{p.n} * p.h * p.w;
  const std::int64_t kg = p.k_per_group(), cg = p.c_per_group(), g = p.groups;
  const std::int64_t filter = std::int64_t{p.r} * p.s * cg, weights = filter * p.k;
  std::int64_t read = 0, out = 0;
  switch (pass) {
    case Pass::forward:
      read = met * p.c * tiles(kg, t.columns) + weights * tiles(pixels, t.rows);
      out = pixels * p.k;
      break;
    case Pass::dgrad:
      read = met * p.k * tiles(cg, t.columns) + weights * tiles(cells, t.rows);
      out = cells * p.c;
      break;
    case Pass::wgrad:
      read = pixels * p.k * tiles(filter, t.columns) + met * p.c * tiles(kg, t.rows);
      out = kg * filter * g;
      break;
  }
  const double per_sector = 32.0 / static_cast<double>(size_of(activation_type(math)));
  Sectors s{.read = static_cast<double>(read) / per_sector,
            .written = static_cast<double>(out) / per_sector};
  if (t.parts > 1) {
    s.read += static_cast<double>(out * t.parts) / 8;
    s.written += static_cast<double>(out * t.parts) / 8;
  }
  return s;
}

template <class Op>
void expect_work(const char* text, Math math) {
  const Algorithm<Op>* counted = find<Op>(counting_algorithms(), "implicit_gemm", math);
  ASSERT_NE(counted, nullptr);
  const ConvProblem p = parse_conv(text);
  const Variant variant = variants_of(*counted, p, device_info(Device::emulated()), {}).front();
  SCOPED_TRACE(std::string(text) + " " + std::string(name_of(Op::kPass)) + " " +
               std::string(name_of(math)) + " " + variant);
  const emulator::Counts c = counted_work(*counted, p, variant, math);
  const Sectors s = model(p, Op::kPass, math, tile_of(variant));
  EXPECT_LE(static_cast<double>(c.read_sectors), 1.15 * s.read);
  EXPECT_LE(static_cast<double>(c.write_sectors), 1.15 * s.written);
  EXPECT_GE(static_cast<double>(c.read_sectors), 0.8 * s.read) << "the model";
  EXPECT_EQ(c.bank_conflicts, 0U);
  EXPECT_EQ(c.matrix_operations > 0, math != Math::fp32);
}

class ImplicitGemmWork : public testing::TestWithParam<const char*> {};

TEST_P(ImplicitGemmWork, IsTheModelsWithoutBankConflicts) {
  if (!counts()) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
    expect_work<ConvForward>(GetParam(), math);
    expect_work<ConvDgrad>(GetParam(), math);
    expect_work<ConvWgrad>(GetParam(), math);
  }
}

INSTANTIATE_TEST_SUITE_P(AlexNet, ImplicitGemmWork,
                         testing::Values("n1c96h27k256r5ph2g2", "n1c256h13k384r3ph1",
                                         "n1c384h13k384r3ph1g2", "n1c384h13k256r3ph1g2"));

template <class Op>
void expect_no_conflicts_in_any_tile(const ConvProblem& p, Math math) {
  const Algorithm<Op>* counted = find<Op>(counting_algorithms(), "implicit_gemm", math);
  ASSERT_NE(counted, nullptr);
  std::set<Variant> tiles;
  for (const Variant& v : variants_of(*counted, p, device_info(Device::emulated()), {})) {
    const Variant tile = v.substr(0, v.find_first_of("/~"));
    if (!tiles.insert(tile).second) continue;
    EXPECT_EQ(counted_work(*counted, p, tile, math).bank_conflicts, 0U)
        << name_of(Op::kPass) << " " << name_of(math) << " " << tile;
  }
  EXPECT_GE(tiles.size(), 2U);
}

TEST(ImplicitGemmWork, NoTileHasBankConflicts) {
  if (!counts()) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  const ConvProblem p = parse_conv("n1c104h12k104r3ph1");
  for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
    expect_no_conflicts_in_any_tile<ConvForward>(p, math);
    expect_no_conflicts_in_any_tile<ConvDgrad>(p, math);
    expect_no_conflicts_in_any_tile<ConvWgrad>(p, math);
  }
}

// Phases side by side: dy is copied once for each of the longest phase's 9 taps, all of it in one
// launch (and one that adds the parts), where a phase at a time took 16 and copied it 121 times.
TEST(ImplicitGemmWork, FirstLayersInputGradientIsOneLaunch) {
  const Math math = Math::tf32;
  const Algorithm<ConvDgrad>* counted =
      find<ConvDgrad>(counting_algorithms(), "implicit_gemm", math);
  if (counted == nullptr) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  const ConvProblem p = parse_conv("n1c3h99k96r11u4");
  const Variant variant = variants_of(*counted, p, device_info(Device::emulated()), {}).front();
  const emulator::Counts c = counted_work(*counted, p, variant, math);
  EXPECT_LE(c.launches, 2U);
  EXPECT_EQ(c.bank_conflicts, 0U);
  constexpr std::int64_t kTaps = 9, kColumns = 48, kCells = 25 * 25;
  const Tile t = tile_of(variant);
  const std::int64_t floats = p.y_shape().elements() * kTaps * tiles(kColumns, t.columns) +
                              p.w_shape().elements() * tiles(kCells, t.rows) +
                              p.x_shape().elements() * t.parts;
  // Runs of 12 weights begin anywhere in a sector.
  EXPECT_LE(static_cast<double>(c.read_sectors), 1.4 * static_cast<double>(floats) / 8);
}

// What lies folded costs no launch: neither x nor w in forward.
TEST(ImplicitGemmWork, ForwardOnFoldedTensorsIsTheProductAlone) {
  for (const Math math : {Math::fp32, Math::tf32, Math::bf16}) {
    const auto* folds = find<ConvForward>(counting_algorithms(), "space_to_depth", math);
    const auto* product = find<ConvForward>(counting_algorithms(), "implicit_gemm", math);
    if (folds == nullptr) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
    ConvProblem p = parse_conv("n1c3h27k8r7u4ph2+bias+relu");
    const Variant variant = variants_of(*folds, p, device_info(Device::emulated()), {}).front();
    const emulator::Counts alone = counted_work(*product, folded(p), variant, math);
    const emulator::Counts converting = counted_work(*folds, p, variant, math);
    p.s2d = true;
    const emulator::Counts in_net = counted_work(*folds, p, variant, math);
    EXPECT_EQ(in_net.launches, alone.launches);
    EXPECT_EQ(in_net.read_sectors, alone.read_sectors);
    EXPECT_EQ(converting.launches, alone.launches + 2);
  }
}

// A cut wave: the sums of its segments are written and read once more than those of whole tiles.
TEST(ImplicitGemmWork, CutWaveMovesItsSumsOnce) {
  const Math math = Math::tf32;
  const Algorithm<ConvForward>* counted =
      find<ConvForward>(counting_algorithms(), "implicit_gemm", math);
  if (counted == nullptr) GTEST_SKIP() << "a build without FOVEA_COUNT_WORK";
  const ConvProblem p = parse_conv("n1c64h16k192r3ph1");  // 2 x 3 tiles of 128 x 64, 36 slices
  const emulator::Counts whole = counted_work(*counted, p, "128x64", math);
  const emulator::Counts cut =
      counted_work(*counted, p, "128x64~4", math);  // 4 of them, then 2 in 4
  constexpr std::uint64_t kSlots = 4 * 128 * 64 / 8;
  EXPECT_EQ(cut.launches, 2U);
  EXPECT_EQ(cut.write_sectors, whole.write_sectors + kSlots);
  EXPECT_GE(cut.read_sectors, whole.read_sectors + kSlots);
  EXPECT_LE(cut.read_sectors, whole.read_sectors + kSlots + kSlots / 64);
  EXPECT_EQ(cut.bank_conflicts, 0U);
  EXPECT_EQ(cut.matrix_operations, whole.matrix_operations);
}

struct KnownCard {
  int capability, multiprocessors;
  std::size_t shared_kib, l2_mib;
};
constexpr KnownCard kCards[] = {
    {80, 108, 163, 40}, {86, 84, 99, 6}, {89, 128, 99, 72}, {90, 132, 227, 50}, {120, 170, 99, 96}};

// The first variant of an op in a math mode, on each card; the same one, for the same bits.
template <class Op>
void expect_variant(const typename Op::Problem& p, const std::string& name, Math math) {
  const Registry registry = default_registry();
  const Algorithm<Op>* a = find<Op>(registry, name, math);
  ASSERT_NE(a, nullptr);
  std::vector<Variant> first;
  for (const KnownCard& c : kCards) {
    const DeviceInfo device{.device = Device::emulated(),
                            .name = "sm_" + std::to_string(c.capability),
                            .capability = c.capability,
                            .multiprocessors = c.multiprocessors,
                            .shared_bytes_per_block = c.shared_kib << 10,
                            .l2_bytes = c.l2_mib << 20};
    const Verdict v = verdict(*a, p, device, math);
    ASSERT_TRUE(v) << device.name << ": " << v.why_not;
    const auto variants = variants_of(*a, p, device, {});
    ASSERT_FALSE(variants.front().empty());
    if (first.empty()) first = variants;
    EXPECT_EQ(variants, first) << device.name;
  }
}

class TensorCoreVariants : public testing::TestWithParam<std::string> {};

TEST_P(TensorCoreVariants, FitEveryCard) {
  for (const SuiteProblem& s : load_suite(GetParam())) {
    for (const Math math : {Math::tf32, Math::bf16}) {
      SCOPED_TRACE(s.op + ":" + s.text);
      if (s.op == "conv") {
        ConvProblem p = parse_conv(s.text);
        p.epilogue = {};
        expect_variant<ConvForward>(p, "implicit_gemm", math);
        expect_variant<ConvDgrad>(p, "implicit_gemm", math);
        expect_variant<ConvWgrad>(p, "implicit_gemm", math);
      } else if (s.op == "gemm") {
        LinearProblem p = parse_linear(s.text);
        p.epilogue = {};
        expect_variant<LinearForward>(p, "pipelined", math);
        expect_variant<LinearDgrad>(p, "pipelined", math);
        expect_variant<LinearWgrad>(p, "pipelined", math);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Suites, TensorCoreVariants, testing::ValuesIn(suite_names()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace fovea::compare
