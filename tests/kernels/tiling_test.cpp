// tiling_test.cpp - the host side of the tiled kernels: fast division, the phases of dgrad, and the
// choice of tile and split, which is a function of the problem alone.
#include <fovea/kernels/cuda/conv/phase.h>
#include <fovea/kernels/cuda/tile/fast_divide.h>
#include <fovea/kernels/cuda/tile/stream_k.h>
#include <fovea/kernels/cuda/tile/variant.h>
#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/space_to_depth.h>
#include <fovea/tests/kernels/plain_loops.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

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
  for (const TileSize& tile : kTiles) {
    for (const int blocks : {2, 108, 132, 1024}) {
      const TiledVariant v{tile, 1, blocks};
      EXPECT_EQ(parse_tiled(to_string(v), kTiles), v) << to_string(v);
    }
  }
  for (const char* wrong :
       {"", "128", "128x128/", "128x128/0", "128x128/257", "128x128/2x", "128x1280", "96x128",
        "128x128/-2", "128x128~", "128x128~1", "128x128~1025", "128x128~2/2", "128x128/2~2"}) {
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

constexpr TileSize kTensorTile{256, 128, 64, 64, 0, Math::bf16};

// A grid of 128x128 tiles.
Extents grid(std::int64_t row_tiles, std::int64_t depth, int groups = 1) {
  return {.rows = row_tiles * 128 - 5,
          .columns = 120,
          .depth = depth,
          .groups = groups,
          .may_split = true,
          .may_stream = true};
}

// Every slice of every tile of the tail, once and in order; ranges that differ by one slice; slots
// of their own.
void expect_covers(const StreamTail& tail) {
  std::vector<unsigned> next(tail.tiles, 0);  // slice that comes next in a tile
  std::set<unsigned> slots;
  for (unsigned block = 0; block < tail.blocks; ++block) {
    const unsigned begin = tail.begin(block), end = tail.begin(block + 1);
    EXPECT_TRUE(end - begin == tail.share || end - begin == tail.share + 1) << block;
    int segments = 0;
    for (unsigned slice = begin; slice < end; ++segments) {
      EXPECT_EQ(tail.block_of(slice), block) << slice;
      const StreamTail::Segment s = tail.segment(block, slice);
      ASSERT_LT(s.tile, tail.tiles);
      ASSERT_LT(s.begin, s.end);
      EXPECT_EQ(s.begin, next[s.tile]);
      next[s.tile] = s.end;
      const bool whole = s.begin == 0 && s.end == tail.slices.divisor();
      EXPECT_EQ(tail.is_cut(s), !whole);
      EXPECT_TRUE(!whole || slice + s.end == end) << "a whole tile is the last of its range";
      EXPECT_TRUE(slots.insert(tail.slot(block, s.tile)).second);
      slice += s.end - s.begin;
    }
    EXPECT_GE(segments, 1);
    EXPECT_LE(segments, 2);
  }
  EXPECT_EQ(next, std::vector<unsigned>(tail.tiles, tail.slices.divisor()));
  EXPECT_LT(*slots.rbegin(), tail.slots());
}

TEST(StreamK, RangesCoverTheTail) {
  for (const int tiles : {1, 2, 5, 6, 7, 12, 38, 131, 133, 160, 170}) {
    for (const std::int64_t depth : {1, 16, 75, 1728}) {
      for (const int blocks : {2, 3, 7, 108, 132}) {
        const Extents e = grid(tiles, depth);
        const TileSize tile{128, 128, 8, 8};
        if (!can_stream(e, tile, blocks)) continue;
        SCOPED_TRACE(testing::Message() << tiles << " tiles, depth " << depth << ", " << blocks);
        const StreamTail tail = stream_tail(e, tile, blocks);
        EXPECT_EQ(tail.whole + tail.tiles, static_cast<unsigned>(tiles));
        EXPECT_EQ(tail.whole % static_cast<unsigned>(blocks), 0U);
        EXPECT_LT(tail.tiles, tail.blocks);
        expect_covers(tail);
      }
    }
  }
}

TEST(StreamK, CutsWhatDoesNotFillAWave) {
  const TileSize tile{128, 128, 8, 8};
  EXPECT_TRUE(can_stream(grid(160, 400), tile, 132));
  EXPECT_FALSE(can_stream(grid(264, 400), tile, 132)) << "two full waves";
  EXPECT_FALSE(can_stream(grid(160, 400), tile, 1));
  EXPECT_FALSE(can_stream(grid(160, 400), tile, 1025));
  EXPECT_TRUE(can_stream(grid(1, 131 * 16 + 1), tile, 132));
  EXPECT_FALSE(can_stream(grid(1, 131 * 16), tile, 132)) << "a block without a slice";
  EXPECT_FALSE(can_stream(grid(160, 0), tile, 132));
  Extents e = grid(160, 400);
  e.may_stream = false;
  EXPECT_FALSE(can_stream(e, tile, 132)) << "it said may_stream = false";
  EXPECT_FALSE(can_cut(grid(160, 400), {tile, 2, 132})) << "split and cut";
  // Groups are of one grid; a slice of bf16 has twice the indices.
  EXPECT_EQ(stream_tail(grid(80, 400, 2), tile, 132).tiles, 28U);
  EXPECT_EQ(stream_tail(grid(160, 400), tile, 132).slices.divisor(), 25U);
  EXPECT_EQ(stream_tail(grid(320, 400), kTensorTile, 132).slices.divisor(), 13U);
}

TEST(StreamK, CostsWhatItsSegmentsDo) {
  // Five slices of each of two tiles for four blocks: 3 3 2 2, the second over the tiles' border.
  const StreamTail tail = stream_tail(grid(2, 80), {128, 128, 8, 8}, 4);
  const StreamCost cost = cost_of(tail);
  EXPECT_EQ(cost.longest, 3U);
  EXPECT_EQ(cost.segments, 2U);
  EXPECT_EQ(cost.cut, 5U);
  EXPECT_EQ(tail.slots(), 5U);
  const TiledVariant v{{128, 128, 8, 8}, 1, 4};
  EXPECT_EQ(workspace_bytes(grid(2, 80), v), 5 * (128 * 128 + 128) * sizeof(float));
}

TEST(StreamK, IsOfferedWhereItIsPredictedToWin) {
  const std::vector<TileSize> tile = {{128, 128, 8, 8}};
  const auto offered = [&](Extents e, std::size_t bytes) {
    e.may_split = false;
    std::vector<std::string> names;
    for (const TiledVariant& v : tiled_variants(e, tile, {.workspace_bytes = bytes})) {
      names.push_back(to_string(v));
    }
    return names;
  };
  constexpr std::size_t kMuch = std::size_t{1} << 30;
  const Extents e = grid(160, 4000);
  EXPECT_EQ(offered(e, kMuch), (std::vector<std::string>{"128x128~132", "128x128"}));
  EXPECT_LT(predicted_cycles(e, {tile[0], 1, 132}), 0.75 * predicted_cycles(e, {tile[0]}))
      << "1.2 waves in place of 2";
  EXPECT_EQ(offered(e, workspace_bytes(e, {tile[0], 1, 132}) - 1).back(), "128x128");
  EXPECT_EQ(offered(grid(131, 4000), kMuch), std::vector<std::string>{"128x128"}) << "a full wave";
  EXPECT_EQ(offered(grid(160, 500), kMuch).front(), "128x128") << "7 slices a block";
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

/// The algorithm of that name in fp32.
template <class Op>
const Algorithm<Op>& named(const std::string& name) {
  const auto& list = registry().list<Op>();
  return *std::ranges::find_if(
      list, [&](const Algorithm<Op>& a) { return a.name == name && a.math == Math::fp32; });
}

TEST(TiledAlgorithm, RefusesAVariantThatIsNotThere) {
  const LinearProblem p = parse_linear("m8n16k32");
  const Algorithm<LinearForward>& tiled = named<LinearForward>("tiled");
  EXPECT_THROW(tiled.prepare(p, "7x7", emulated()), InvalidArgument);
  EXPECT_THROW(tiled.prepare(p, "128x128/3", emulated()), InvalidArgument)
      << "two slices in three parts";
  EXPECT_EQ(tiled.prepare(p, "128x128/2", emulated())->workspace_bytes(),
            2 * 8 * 16 * sizeof(float));
  EXPECT_EQ(tiled.prepare(p, "128x128", emulated())->workspace_bytes(), 0U);
}

TEST(TiledAlgorithm, CutsTheLastWaveWhereItIsOfOneLaunch) {
  const auto bytes = [](const char* text, const Variant& variant) {
    const Algorithm<ConvDgrad>& a = named<ConvDgrad>("implicit_gemm");
    return a.prepare(parse_conv(text), variant, emulated())->workspace_bytes();
  };
  EXPECT_EQ(bytes("n1c16h8k16r3ph1", "128x128~3"), 3 * (128 * 128 + 128) * sizeof(float));
  EXPECT_THROW(bytes("n1c16h8k16r3ph1", "128x128~10"), InvalidArgument) << "nine slices";
  EXPECT_THROW(bytes("n1c16h9k16r3u2", "128x128~3"), InvalidArgument) << "a launch for each phase";
  const Algorithm<ConvDgrad>& direct = named<ConvDgrad>("direct_tiled");
  EXPECT_THROW(direct.prepare(parse_conv("n1c16h8k16r3ph1"), "128x128~3", emulated()),
               InvalidArgument);
}

TEST(TiledAlgorithm, DeclinesWithAReason) {
  const auto why = [](const char* text) {
    return verdict(named<ConvDgrad>("direct_tiled"), parse_conv(text), emulated(), Math::fp32)
        .why_not;
  };
  EXPECT_EQ(why("n1c3h40k4r3u9v9"), "a stride of more than 64 phases");
  EXPECT_EQ(why("n1c3h9k4r3+bias"), "+bias is not an epilogue of this algorithm");
  EXPECT_EQ(why("n1c3h9k4r3u2+mask+acc"), "");
}

}  // namespace
}  // namespace fovea::test
