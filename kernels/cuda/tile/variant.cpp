#include <fovea/core/error.h>
#include <fovea/core/shape.h>
#include <fovea/kernels/cuda/tile/stream_k.h>
#include <fovea/kernels/cuda/tile/variant.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

namespace fovea {
namespace {

// The card that predictions are for: an H100 SXM, the first target. Constants, so that a choice
// is the same on every machine.
constexpr double kMultiprocessors = 132;
constexpr double kLanes = 128;           // fp32 multiply-adds a cycle and SM
constexpr double kBytesPerCycle = 1700;  // 3.0 TB/s at 1.755 GHz
constexpr double kTensorLanes = 612;     // tf32 multiply-adds by mma.sync, measured; bf16 twice
constexpr double kSharedBytes = 128;     // a cycle and SM
// Times slower is a tensor-core block with no other one on its SM, and one of the largest tiles.
constexpr double kAlone = 1.25, kAloneLarge = 1.1;

// Of both, what a loop takes: fitted to the compiled loops' issue, instruction by instruction
// (docs/kernels/implicit_gemm.md). They overlap, but for tf32's rounding.
struct Shares {
  double products, shared;
};
constexpr Shares shares(Math math) {
  return math == Math::bf16 ? Shares{0.38, 1.02} : Shares{0.79, 0.87};
}

constexpr double kL2Bytes = 24;         // a cycle and SM: 5.5 TB/s over all
constexpr double kLaunchCycles = 4000;  // a second kernel after the first, 2 to 3 microseconds
constexpr double kBlockOverhead = 48;   // indices of the reduction: filling, draining, storing

constexpr int kMaxSplits = 256;
constexpr std::int64_t kLeastPart = 8 * kSlice;
constexpr int kStreamBlocks = 132;  // of the stream-K variants that are offered: one an SM

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Of `extent`, what an average tile has.
double used(std::int64_t extent, int tile) {
  return static_cast<double>(extent) / static_cast<double>(ceil_div(extent, tile));
}

// Cycles of an SM for one index of the reduction of a tile.
double cycles_of_index(const Extents& e, const TileSize& t) {
  if (t.math == Math::fp32) {
    // Cycles of a thread's multiply-adds where no read or register bank is waited for, and what
    // reads, their addresses and banks add: fitted to the compiled loops' issue, instruction by
    // instruction (docs/kernels/implicit_gemm.md).
    const double cycles =
        0.8 * t.thread_rows * t.thread_columns + 2.9 * (t.thread_rows + t.thread_columns);
    return t.threads() * cycles / kLanes;
  }
  const double element = static_cast<double>(size_of(activation_type(t.math)));
  const double math = t.rows * t.columns / (t.math == Math::tf32 ? kTensorLanes : 2 * kTensorLanes);
  const double reads = t.threads() / 32.0 * (t.thread_rows + t.thread_columns);
  const double copies = used(e.rows, t.rows) + used(e.columns, t.columns);  // zeros cost nothing
  const Shares share = shares(t.math);
  return std::max(share.products * math + share.shared * (reads + copies) * element / kSharedBytes,
                  copies * element / kL2Bytes);
}

// Times slower where fewer than two of `blocks` share an SM; the largest tiles never do, and have
// the warps for it.
double alone(const TileSize& t, double blocks) {
  if (t.math == Math::fp32) return 1;
  const bool large = t.rows * t.columns >= 256 * 96 && t.threads() >= 256;
  if (large) return kAloneLarge;
  return blocks > 1 ? 1 : kAlone;
}

TiledVariant with_best_split(const Extents& e, const TileSize& tile, const Limits& limits) {
  TiledVariant best{tile, 1};
  if (!e.may_split) return best;
  for (int splits = 2; splits <= kMaxSplits && part_length(e.depth, splits) >= kLeastPart;
       ++splits) {
    if (!can_split(e, splits)) continue;
    if (partial_bytes(e, splits) > limits.workspace_bytes) break;
    const TiledVariant v{tile, splits};
    if (predicted_cycles(e, v) < predicted_cycles(e, best)) best = v;
  }
  return best;
}

// Cycles of partial sums: written, read by a second kernel.
double cycles_of_partials(double floats) {
  return 2.0 * floats * sizeof(float) / kBytesPerCycle + kLaunchCycles;
}

// Whole tiles wave by wave, then the range and segments of the busiest block of the tail.
double cycles_of_stream(const Extents& e, const TiledVariant& v) {
  const StreamTail tail = stream_tail(e, v.tile, v.stream_blocks);
  const StreamCost cost = cost_of(tail);
  const int slice = slice_length(v.tile.math);
  const double tile = tail.slices.divisor() * slice + kBlockOverhead;
  const double range = cost.longest * slice + cost.segments * kBlockOverhead;
  const double indices = std::ceil(tail.whole / kMultiprocessors) * tile * alone(v.tile, 2) +
                         std::ceil(tail.blocks / kMultiprocessors) * range * alone(v.tile, 1);
  return indices * cycles_of_index(e, v.tile) +
         cycles_of_partials(cost.cut * used(e.rows, v.tile.rows) * used(e.columns, v.tile.columns));
}

// Whether ranges are long enough to fill a pipeline for, and sums have their place.
bool pays_to_cut(const Extents& e, const TiledVariant& v, const Limits& limits) {
  return can_cut(e, v) && workspace_bytes(e, v) <= limits.workspace_bytes &&
         stream_tail(e, v.tile, v.stream_blocks).share * slice_length(v.tile.math) >= kLeastPart;
}

// "12" as a number from `least` to `most`; 0: it is none.
int number_in(std::string_view text, int least, int most) {
  int n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool all = error == std::errc{} && end == text.data() + text.size();
  return all && n >= least && n <= most ? n : 0;
}

}  // namespace

Variant to_string(const TiledVariant& v) {
  std::string text = std::to_string(v.tile.rows) + "x" + std::to_string(v.tile.columns);
  if (v.splits > 1) text += "/" + std::to_string(v.splits);
  if (v.stream_blocks > 0) text += "~" + std::to_string(v.stream_blocks);
  return text;
}

TiledVariant parse_tiled(std::string_view text, std::span<const TileSize> offered) {
  std::string known;
  for (const TileSize& tile : offered) {
    const std::string name = to_string(TiledVariant{tile});
    known += (known.empty() ? "" : ", ") + name;
    if (text == name) return {tile, 1};
    if (!text.starts_with(name) || text.size() <= name.size()) continue;
    const std::string_view count = text.substr(name.size() + 1);
    if (text[name.size()] == '/') {
      if (const int n = number_in(count, 1, kMaxSplits)) return {tile, n};
    } else if (text[name.size()] == '~') {
      if (const int n = number_in(count, 2, kMaxStreamBlocks)) return {tile, 1, n};
    }
  }
  throw InvalidArgument("no variant '" + std::string(text) + "' of this kernel; there are " +
                        known + ", each with /2 to /" + std::to_string(kMaxSplits) +
                        " where it splits the reduction, with ~2 to ~" +
                        std::to_string(kMaxStreamBlocks) + " where it cuts the last wave");
}

std::int64_t tile_count(const Extents& e, const TileSize& tile) {
  return checked_mul(checked_mul(ceil_div(e.rows, tile.rows), ceil_div(e.columns, tile.columns)),
                     e.groups);
}

std::int64_t part_length(std::int64_t depth, int splits) {
  return ceil_div(ceil_div(depth, kSlice), splits) * kSlice;
}

bool can_split(const Extents& e, int splits) {
  if (splits == 1) return true;
  return e.may_split && splits > 1 && ceil_div(e.depth, part_length(e.depth, splits)) == splits;
}

std::size_t partial_bytes(const Extents& e, int splits) {
  if (splits <= 1) return 0;
  const std::int64_t matrix = checked_mul(checked_mul(e.rows, e.columns), e.groups) + e.extra;
  return static_cast<std::size_t>(checked_mul(checked_mul(matrix, splits), sizeof(float)));
}

bool can_cut(const Extents& e, const TiledVariant& v) {
  if (v.stream_blocks == 0) return can_split(e, v.splits);
  return v.splits == 1 && can_stream(e, v.tile, v.stream_blocks);
}

std::size_t workspace_bytes(const Extents& e, const TiledVariant& v) {
  return v.stream_blocks == 0 ? partial_bytes(e, v.splits)
                              : stream_bytes(e, v.tile, v.stream_blocks);
}

double predicted_cycles(const Extents& e, const TiledVariant& v) {
  if (v.stream_blocks > 0) return cycles_of_stream(e, v);
  const TileSize& t = v.tile;
  const auto blocks = static_cast<double>(tile_count(e, t) * v.splits);
  const double blocks_of_one = std::ceil(blocks / kMultiprocessors);
  const double depth = static_cast<double>(part_length(e.depth, v.splits)) + kBlockOverhead;
  const double product = blocks_of_one * depth * cycles_of_index(e, t) * alone(t, blocks_of_one);
  if (v.splits == 1) return product;
  return product + cycles_of_partials(static_cast<double>(partial_bytes(e, v.splits)) / 4);
}

std::vector<TiledVariant> tiled_variants(const Extents& e, std::span<const TileSize> offered,
                                         const Limits& limits) {
  std::vector<TiledVariant> variants;
  for (const TileSize& tile : offered) {
    const TiledVariant split = with_best_split(e, tile, limits);
    variants.push_back(split);
    const TiledVariant cut{tile, 1, kStreamBlocks};
    if (pays_to_cut(e, cut, limits) && predicted_cycles(e, cut) < predicted_cycles(e, split)) {
      variants.push_back(cut);
    }
  }
  std::stable_sort(variants.begin(), variants.end(),
                   [&](const TiledVariant& a, const TiledVariant& b) {
                     return predicted_cycles(e, a) < predicted_cycles(e, b);
                   });
  return variants;
}

}  // namespace fovea
