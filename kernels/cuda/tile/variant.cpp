#include <fovea/core/error.h>
#include <fovea/core/shape.h>
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
constexpr double kTensorLanes = 640;  // tf32 multiply-adds by mma.sync: 60 % of wgmma's; bf16 twice
constexpr double kSharedBytes = 128;  // a cycle and SM
constexpr double kL2Bytes = 24;       // a cycle and SM: 5.5 TB/s over all
constexpr double kLaunchCycles = 4000;  // a second kernel after the first, 2 to 3 microseconds
constexpr double kBlockOverhead = 48;   // indices of the reduction: filling, draining, storing

constexpr int kMaxSplits = 256;
constexpr std::int64_t kLeastPart = 8 * kSlice;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Of `extent`, what an average tile has.
double used(std::int64_t extent, int tile) {
  return static_cast<double>(extent) / static_cast<double>(ceil_div(extent, tile));
}

// Cycles of an SM for one index of the reduction of a tile.
double cycles_of_index(const Extents& e, const TileSize& t) {
  if (t.math == Math::fp32) {
    // A thread's instructions: its multiply-adds, and its reads at four floats each with the
    // address arithmetic that goes with them.
    const double instructions =
        t.thread_rows * t.thread_columns + 0.5 * (t.thread_rows + t.thread_columns);
    return t.threads() * instructions / kLanes;
  }
  const double element = static_cast<double>(size_of(activation_type(t.math)));
  const double math = t.rows * t.columns / (t.math == Math::tf32 ? kTensorLanes : 2 * kTensorLanes);
  const double reads = t.threads() / 32.0 * (t.thread_rows + t.thread_columns);
  const double copies = used(e.rows, t.rows) + used(e.columns, t.columns);  // zeros cost nothing
  return std::max({math, (reads + copies) * element / kSharedBytes, copies * element / kL2Bytes});
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

}  // namespace

Variant to_string(const TiledVariant& v) {
  std::string text = std::to_string(v.tile.rows) + "x" + std::to_string(v.tile.columns);
  if (v.splits > 1) text += "/" + std::to_string(v.splits);
  return text;
}

TiledVariant parse_tiled(std::string_view text, std::span<const TileSize> offered) {
  std::string known;
  for (const TileSize& tile : offered) {
    const std::string name = to_string(TiledVariant{tile});
    known += (known.empty() ? "" : ", ") + name;
    if (text == name) return {tile, 1};
    if (!text.starts_with(name + "/")) continue;
    const std::string_view count = text.substr(name.size() + 1);
    int splits = 0;
    const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), splits);
    if (error == std::errc{} && end == count.data() + count.size() && splits >= 1 &&
        splits <= kMaxSplits) {
      return {tile, splits};
    }
  }
  throw InvalidArgument("no variant '" + std::string(text) + "' of this kernel; there are " +
                        known + ", each with /2 to /" + std::to_string(kMaxSplits) +
                        " where it splits the reduction");
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

double predicted_cycles(const Extents& e, const TiledVariant& v) {
  const TileSize& t = v.tile;
  const auto blocks = static_cast<double>(ceil_div(e.rows, t.rows) *
                                          ceil_div(e.columns, t.columns) * e.groups * v.splits);
  const double blocks_of_one = std::ceil(blocks / kMultiprocessors);
  const double depth = static_cast<double>(part_length(e.depth, v.splits)) + kBlockOverhead;
  const double product = blocks_of_one * depth * cycles_of_index(e, t);
  if (v.splits == 1) return product;
  return product + 2.0 * static_cast<double>(partial_bytes(e, v.splits)) / kBytesPerCycle +
         kLaunchCycles;
}

std::vector<TiledVariant> tiled_variants(const Extents& e, std::span<const TileSize> offered,
                                         const Limits& limits) {
  std::vector<TiledVariant> variants;
  for (const TileSize& tile : offered) variants.push_back(with_best_split(e, tile, limits));
  std::stable_sort(variants.begin(), variants.end(),
                   [&](const TiledVariant& a, const TiledVariant& b) {
                     return predicted_cycles(e, a) < predicted_cycles(e, b);
                   });
  return variants;
}

}  // namespace fovea
