// tiling_test.cpp - the host side of the tiled kernels: fast division, the phases of dgrad, and the
// choice of tile and split, which is a function of the problem alone.
#include <fovea/kernels/cuda/conv/phase.h>
#include <fovea/kernels/cuda/tile/fast_divide.h>
#include <fovea/kernels/cuda/tile/variant.h>
#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/space_to_depth.h>
#include <fovea/tests/kernels/plain_loops.h>

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace fovea::test {
namespace {

TEST(FastDivide, EqualsDivision) {
  constexpr unsigned kLast = (1U << 31) - 1;
  std::uint32_t bits = 1;
  for (const unsigned d : {1U, 2U, 3U, 5U, 7U, 11U, 13U, 55U, 96U, 127U, 128U, 363U, 1000003U,
                           (1U << 30) - 1, 1U << 30, (1U << 30) + 1, kLast}) {
    const FastDivide by(d);
    for (const unsigned n : {0U, 1U, d - 1, d, d + 1, kLast / d * d, kLast / d * d - 1, kLast}) {
      if (n > kLast) continue;
      ASSERT_EQ(by.quotient(n), n / d) << n << " / " << d;
    }
    for (int i = 0; i < 2000; ++i) {
      bits = bits * 1664525U + 1013904223U;
      const unsigned n = bits >> 1;
      ASSERT_EQ(by.quotient(n), n / d) << n << " / " << d;
      ASSERT_EQ(by.remainder(n, by.quotient(n)), n % d) << n << " % " << d;
    }
  }
}

using Pairs = std::multiset<std::pair<int, int>>;  // cell and tap

// Those that an output of the forward pass joins.
Pairs joined_pairs(int stride, int extent, int pad, int filter, int dilation, int outputs) {
  Pairs joined;
  for (int i = 0; i < outputs; ++i) {
    for (int t = 0; t < filter; ++t) {
      const int cell = i * stride - pad + t * dilation;
      if (cell >= 0 && cell < extent) joined.emplace(cell, t);
    }
  }
  return joined;
}

// Every pair (cell, tap) that is joined, and no other, once.
void expect_phases_cover(int stride, int extent, int pad, int filter, int dilation, int outputs) {
  const Pairs joined = joined_pairs(stride, extent, pad, filter, dilation, outputs);
  Pairs visited;
  for (int index = 0; index < stride; ++index) {
    const Phase p = phase_of(index, stride, extent, pad, filter, dilation, outputs);
    for (int i = 0; i < p.cells; ++i) {
      const int cell = p.first + i * stride;
      ASSERT_LT(cell, extent);
      for (int t = 0; t < p.taps; ++t) {
        const int output = i + p.dy.origin + t * p.dy.step;
        const int tap = p.first_tap + t * p.tap_step;
        ASSERT_LT(tap, filter);
        if (output < 0 || output >= p.dy.extent) continue;
        EXPECT_EQ(output * stride - pad + tap * dilation, cell);
        visited.emplace(cell, tap);
      }
    }
  }
  EXPECT_EQ(visited, joined);
}

TEST(Phase, TogetherMeetEveryTapOnce) {
  for (const int stride : {1, 2, 3, 4, 5}) {
    for (const int dilation : {1, 2, 3, 4}) {
      for (const int filter : {1, 2, 3, 5}) {
        for (const int pad : {0, 1, 4}) {
          const int extent = 11;
          const int span = extent + 2 * pad - dilation * (filter - 1) - 1;
          if (span < 0) continue;
          SCOPED_TRACE(testing::Message() << "stride " << stride << " dilation " << dilation
                                          << " filter " << filter << " pad " << pad);
          expect_phases_cover(stride, extent, pad, filter, dilation, span / stride + 1);
        }
      }
    }
  }
}

// The same for phases side by side, where a cell or a tap beyond its end joins nothing; every cell
// has its place, once.
void expect_phases_together_cover(int stride, int extent, int pad, int filter, int outputs) {
  const Phase p = phases_together(stride, extent, pad, filter, outputs);
  ASSERT_EQ(p.count, stride);
  Pairs visited;
  std::multiset<int> cells;
  for (int i = 0; i < p.cells; ++i) {
    for (int phase = 0; phase < p.count; ++phase) {
      const int cell = i * stride + p.first + phase;
      if (cell < 0 || cell >= extent) continue;
      cells.insert(cell);
      for (int t = 0; t < p.taps; ++t) {
        const int output = i + p.dy.origin + t * p.dy.step;
        const int tap = p.first_tap + phase + t * p.tap_step;
        if (output < 0 || output >= p.dy.extent || tap >= filter) continue;
        visited.emplace(cell, tap);
      }
    }
  }
  EXPECT_EQ(visited, joined_pairs(stride, extent, pad, filter, 1, outputs));
  EXPECT_EQ(cells.size(), static_cast<std::size_t>(extent));
  EXPECT_EQ(std::set<int>(cells.begin(), cells.end()).size(), cells.size());
}

TEST(Phase, SideBySideMeetEveryTapOnce) {
  for (const int stride : {1, 2, 3, 4, 5}) {
    for (const int filter : {1, 2, 3, 5, 11}) {
      for (const int pad : {0, 1, 4, 5}) {
        const int extent = 11;
        SCOPED_TRACE(testing::Message()
                     << "stride " << stride << " filter " << filter << " pad " << pad);
        const int outputs = (extent + 2 * pad - filter) / stride + 1;
        expect_phases_together_cover(stride, extent, pad, filter, outputs);
      }
    }
  }
}

TEST(SpaceToDepth, MakesAlexNetsFirstLayerThreeByThree) {
  const ConvProblem p = parse_conv("n128c3h227k96r11u4+bias+relu");
  EXPECT_TRUE(can_fold(p));
  EXPECT_EQ(to_string(folded(p)), "n128c48h57k96r3+bias+relu");
  const ConvProblem padded = parse_conv("n2c3h224w200k64r7u2ph3");
  EXPECT_EQ(to_string(folded(padded)), "n2c12h115w103k64r4");
  EXPECT_EQ(folded(padded).y_shape(), padded.y_shape());
}

TEST(SpaceToDepth, DeclinesWhatItDoesNotHelp) {
  for (const char* text : {"n1c3h9k8r3", "n1c3h9k8r3u3", "n1c3h9w12k8r3u2v4", "n1c6h9k8r3u2g2",
                           "n1c3h15k8r3u2dh2", "n1c4h9k8r3u2"}) {
    EXPECT_FALSE(can_fold(parse_conv(text))) << text;
  }
  ConvProblem p = parse_conv("n1c1h32768w65532k1r4u4");  // x has 2^31 - 2^17 elements
  EXPECT_TRUE(can_fold(p));
  p = parse_conv("n1c1h32768w65532k1r7u2ph3");
  EXPECT_EQ(can_fold(p).why_not, "folded, x has 2^31 elements or more");
}

constexpr TileSize kTiles[] = {{128, 128, 8, 8}, {128, 96, 8, 6}, {64, 64, 8, 4}};

TEST(TiledVariant, TextNamesTileAndSplit) {
  for (const TileSize& tile : kTiles) {
    for (const int splits : {1, 2, 17, 256}) {
      const TiledVariant v{tile, splits};
      EXPECT_EQ(parse_tiled(to_string(v), kTiles), v) << to_string(v);
    }
  }
  for (const char* wrong : {"", "128", "128x128/", "128x128/0", "128x128/257", "128x128/2x",
                            "128x1280", "96x128", "128x128/-2"}) {
    EXPECT_THROW(parse_tiled(wrong, kTiles), InvalidArgument) << wrong;
  }
}

TEST(TiledVariant, PartsCoverTheReductionAndNoneIsEmpty) {
  for (const std::int64_t depth : {1, 15, 16, 17, 400, 387'200}) {
    const Extents e{.rows = 1, .columns = 1, .depth = depth, .may_split = true};
    for (int splits = 1; splits <= 256; ++splits) {
      const std::int64_t part = part_length(depth, splits);
      EXPECT_EQ(part % kSlice, 0);
      EXPECT_GE(part * splits, depth);
      if (can_split(e, splits)) {
        EXPECT_LT(part * (splits - 1), depth) << depth << " / " << splits;
      }
    }
  }
  EXPECT_FALSE(can_split({.rows = 1, .columns = 1, .depth = 999}, 2))
      << "it said may_split = false";
  EXPECT_FALSE(can_split({.rows = 1, .columns = 1, .depth = 999, .may_split = true}, 0));
}

TEST(TiledVariant, SplitStaysWithinTheWorkspace) {
  const Extents e{.rows = 96, .columns = 363, .depth = 387'200, .extra = 96, .may_split = true};
  const std::size_t one = (96 * 363 + 96) * sizeof(float);
  EXPECT_EQ(partial_bytes(e, 1), 0U);
  EXPECT_EQ(partial_bytes(e, 7), 7 * one);
  for (const std::size_t limit : {std::size_t{0}, 2 * one, 5 * one + 1, 1000 * one}) {
    for (const TiledVariant& v : tiled_variants(e, kTiles, {.workspace_bytes = limit})) {
      EXPECT_LE(partial_bytes(e, v.splits), limit) << to_string(v);
    }
  }
  EXPECT_GT(tiled_variants(e, kTiles, {}).front().splits, 1) << "few tiles, a long reduction";
}

TEST(TiledVariant, ManyOutputsTakeTheLargeTileWhole) {
  const Extents conv3{.rows = 128 * 169, .columns = 384, .depth = 2304};
  const auto variants = tiled_variants(conv3, kTiles, {});
  ASSERT_EQ(variants.size(), std::size(kTiles));
  EXPECT_EQ(to_string(variants.front()), "128x128");
  const Extents conv1{.rows = 128 * 3025, .columns = 96, .depth = 363};
  EXPECT_EQ(to_string(tiled_variants(conv1, kTiles, {}).front()), "128x96");
}

// The rule that makes a variant give the same bits on every card.
TEST(TiledVariant, DoesNotDependOnTheCard) {
  DeviceInfo small = emulated(), large = emulated();
  small.multiprocessors = 1;
  large.multiprocessors = 1000;
  const ConvProblem conv = parse_conv("n128c96h27k256r5ph2g2+db");
  for (const Algorithm<ConvWgrad>& a : registry().list<ConvWgrad>()) {
    EXPECT_EQ(variants_of(a, conv, small, {}), variants_of(a, conv, large, {})) << a.name;
  }
  const LinearProblem linear = parse_linear("m128n4096k9216+bias");
  for (const Algorithm<LinearForward>& a : registry().list<LinearForward>()) {
    EXPECT_EQ(variants_of(a, linear, small, {}), variants_of(a, linear, large, {})) << a.name;
  }
}

TEST(TiledAlgorithm, RefusesAVariantThatIsNotThere) {
  const LinearProblem p = parse_linear("m8n16k32");
  const Algorithm<LinearForward>& tiled = registry().list<LinearForward>().front();
  ASSERT_EQ(tiled.name, "tiled");
  EXPECT_THROW(tiled.prepare(p, "7x7", emulated()), InvalidArgument);
  EXPECT_THROW(tiled.prepare(p, "128x128/3", emulated()), InvalidArgument)
      << "two slices in three parts";
  EXPECT_EQ(tiled.prepare(p, "128x128/2", emulated())->workspace_bytes(),
            2 * 8 * 16 * sizeof(float));
  EXPECT_EQ(tiled.prepare(p, "128x128", emulated())->workspace_bytes(), 0U);
}

TEST(TiledAlgorithm, DeclinesWithAReason) {
  const auto why = [](const char* text) {
    return verdict(registry().list<ConvDgrad>().front(), parse_conv(text), emulated(), Math::fp32)
        .why_not;
  };
  EXPECT_EQ(why("n1c3h40k4r3u9v9"), "a stride of more than 64 phases");
  EXPECT_EQ(why("n1c3h9k4r3+bias"), "+bias is not an epilogue of this algorithm");
  EXPECT_EQ(why("n1c3h9k4r3u2+mask+acc"), "");
}

}  // namespace
}  // namespace fovea::test
