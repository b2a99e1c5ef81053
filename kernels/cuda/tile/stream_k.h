// stream_k.h - stream-K: the tiles of the last wave, cut so that all blocks of it have the same
// work (Osama et al., "Stream-K: Work-centric Parallel Decomposition for Dense Matrix-Matrix
// Multiplication on the GPU", PPoPP 2023). The tiles of full waves stay whole, a block each.
//
//   slices of the tail   | tile 0            | tile 1            | tile 2            |
//   ranges of blocks     | block 0      | block 1      | block 2      | block 3      |
//   segments             | 0            | 1  | 2       | 3       | 4  | 5            |
//
// A range has one segment or two; one that is a tile is finished by its block. The others leave
// their sums in slots of the workspace, and a second kernel adds the slots of each cut tile, slices
// ascending, and finishes it.
// The number of blocks is the variant's, never the card's: the same bits everywhere.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/cuda/tile/fast_divide.h>
#include <fovea/kernels/cuda/tile/variant.h>

#include <cstddef>

namespace fovea {

/// The tiles that are cut, numbered from 0 on behind the whole ones, group by group; each has as
/// many slices. For host and device.
struct StreamTail {
  unsigned whole = 0;  // tiles before it
  unsigned tiles = 0;
  unsigned blocks = 0;             // 0: nothing is cut
  FastDivide slices;               // of a tile
  unsigned share = 0, longer = 0;  // slices of a block; the first `longer` have one more

  /// A block's part of a tile: slices [begin, end) of it.
  struct Segment {
    unsigned tile = 0, begin = 0, end = 0;
  };

  /// The first slice of a block's range, of all the tail's.
  FOVEA_HD constexpr unsigned begin(unsigned block) const {
    return block * share + (block < longer ? block : longer);
  }
  /// The block whose range a slice is in.
  FOVEA_HD constexpr unsigned block_of(unsigned slice) const {
    const unsigned of_longer = longer * (share + 1);
    return slice < of_longer ? slice / (share + 1) : longer + (slice - of_longer) / share;
  }
  /// What of the block's range lies in the tile of `slice`, from there on.
  FOVEA_HD constexpr Segment segment(unsigned block, unsigned slice) const {
    const unsigned tile = slices.quotient(slice);
    const unsigned first = tile * slices.divisor();
    const unsigned range = begin(block + 1) - first;
    return {tile, slice - first, range < slices.divisor() ? range : slices.divisor()};
  }
  FOVEA_HD constexpr bool is_cut(const Segment& s) const {
    return s.end - s.begin < slices.divisor();
  }
  /// Of the sums of a cut segment: from segment to segment, block or tile goes on.
  FOVEA_HD constexpr unsigned slot(unsigned block, unsigned tile) const { return block + tile; }
  constexpr unsigned slots() const { return blocks + tiles - 1; }
};

inline constexpr int kMaxStreamBlocks = 1024;

/// Whether the last wave may be cut for so many blocks: it is no full one, and none gets nothing.
bool can_stream(const Extents& e, const TileSize& tile, int blocks);

/// The tail where that is so: the tiles beyond the last full wave of `blocks`. They are fewer than
/// `blocks`, so that no range is longer than a tile.
StreamTail stream_tail(const Extents& e, const TileSize& tile, int blocks);

/// Floats of a slot: a tile's sums, and those of its rows.
constexpr std::size_t slot_floats(const TileSize& t) {
  return static_cast<std::size_t>(t.rows) * (static_cast<std::size_t>(t.columns) + 1);
}

/// Workspace: a slot for each segment.
std::size_t stream_bytes(const Extents& e, const TileSize& tile, int blocks);

/// What cutting costs.
struct StreamCost {
  unsigned longest = 0;   // slices of the longest range
  unsigned segments = 0;  // of a block, at most
  unsigned cut = 0;       // segments whose sums go through the workspace
};
StreamCost cost_of(const StreamTail& tail);

}  // namespace fovea
