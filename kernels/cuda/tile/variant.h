// variant.h - which tile, and into how many parts the reduction is split or whether the last wave
// is cut: chosen from the problem alone, never from the card at hand, so that a variant gives the
// same bits everywhere.
#pragma once

#include <fovea/kernels/ops/algorithm.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace fovea {

/// A pass as a product of matrices: rows x depth times depth x columns, once for each group.
struct Extents {
  std::int64_t rows = 0, columns = 0, depth = 0;
  int groups = 1;
  /// Sums beside the product, for all groups: a bias gradient. Below 0: results that are not kept.
  std::int64_t extra = 0;
  bool may_split = false;   // the reduction may go in parts through the workspace
  bool may_stream = false;  // the last wave's tiles may be cut (stream_k.h): all are of one launch
};

/// A tile that a kernel was built for: outputs of a block; outputs of a thread, or, by tensor cores
/// (math is not fp32), of a warp.
struct TileSize {
  int rows = 0, columns = 0;
  int thread_rows = 0, thread_columns = 0;
  std::size_t shared_bytes = 0;  // of a block, for slices
  Math math = Math::fp32;
  constexpr int threads() const {
    return rows * columns / (thread_rows * thread_columns) * (math == Math::fp32 ? 1 : 32);
  }
  friend constexpr bool operator==(const TileSize&, const TileSize&) = default;
};

/// Indices of the reduction in one slice of shared memory; parts of a split are multiples of it.
inline constexpr int kSlice = 16;

/// Indices in a slice of the tensors of a math mode: 64 bytes.
constexpr int slice_length(Math math) { return math == Math::bf16 ? 2 * kSlice : kSlice; }

/// A tile, and what becomes of its reduction, as text: "128x64", whole; "128x64/12", every tile's
/// in 12 parts; "128x64~132", the last wave's tiles cut for 132 blocks (stream_k.h).
struct TiledVariant {
  TileSize tile;
  int splits = 1;
  int stream_blocks = 0;  // 0: no tile is cut
  friend constexpr bool operator==(const TiledVariant&, const TiledVariant&) = default;
};
Variant to_string(const TiledVariant& v);
/// The inverse among the tiles offered. Throws InvalidArgument, naming them.
TiledVariant parse_tiled(std::string_view text, std::span<const TileSize> offered);

/// Tiles of all groups.
std::int64_t tile_count(const Extents& e, const TileSize& tile);

/// Length of a part of a split; the last one may be shorter.
std::int64_t part_length(std::int64_t depth, int splits);

/// Whether the reduction may go in so many parts, none of them empty.
bool can_split(const Extents& e, int splits);

/// Workspace of a split: partial sums of the product and of what is beside it, for each part; 0
/// without a split.
std::size_t partial_bytes(const Extents& e, int splits);

/// Whether the reduction may go as the variant says.
bool can_cut(const Extents& e, const TiledVariant& v);
/// Workspace where it may.
std::size_t workspace_bytes(const Extents& e, const TiledVariant& v);

/// Predicted clock cycles on a card of 132 SMs: the busiest SM's blocks, for fp32 their threads'
/// multiply-adds and shared-memory reads, for tensor cores products and shared memory together, or
/// L2; and, split or cut, the partial sums' way through memory. Good for ranking, not for
/// reporting: docs/kernels/implicit_gemm.md, Order of choice.
double predicted_cycles(const Extents& e, const TiledVariant& v);

/// Each tile with its best split, and with its last wave cut where that is predicted to be faster;
/// best prediction first; all fit the workspace of `limits`.
std::vector<TiledVariant> tiled_variants(const Extents& e, std::span<const TileSize> offered,
                                         const Limits& limits);

}  // namespace fovea
