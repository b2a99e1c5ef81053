#include <fovea/core/shape.h>
#include <fovea/kernels/cuda/tile/stream_k.h>

#include <algorithm>
#include <cstdint>

namespace fovea {
namespace {

constexpr std::int64_t kMostSlices = (std::int64_t{1} << 31) - 1;  // that FastDivide takes

struct Tiles {
  std::int64_t whole, cut;  // of all groups
  std::int64_t slices;      // of one
};

Tiles tiles_of(const Extents& e, const TileSize& tile, int blocks) {
  const std::int64_t all = tile_count(e, tile), indices = slice_length(tile.math);
  const std::int64_t cut = all % blocks;
  return {all - cut, cut, (e.depth + indices - 1) / indices};
}

}  // namespace

bool can_stream(const Extents& e, const TileSize& tile, int blocks) {
  if (!e.may_stream || blocks < 2 || blocks > kMaxStreamBlocks) return false;
  const Tiles t = tiles_of(e, tile, blocks);
  const std::int64_t slices = checked_mul(t.cut, t.slices);
  return t.cut > 0 && slices >= blocks && std::max(slices, t.whole + blocks) <= kMostSlices;
}

StreamTail stream_tail(const Extents& e, const TileSize& tile, int blocks) {
  const Tiles t = tiles_of(e, tile, blocks);
  const auto count = [](std::int64_t n) { return static_cast<unsigned>(n); };
  const std::int64_t slices = t.cut * t.slices;
  return {.whole = count(t.whole),
          .tiles = count(t.cut),
          .blocks = count(blocks),
          .slices = FastDivide(count(t.slices)),
          .share = count(slices / blocks),
          .longer = count(slices % blocks)};
}

std::size_t stream_bytes(const Extents& e, const TileSize& tile, int blocks) {
  return stream_tail(e, tile, blocks).slots() * slot_floats(tile) * sizeof(float);
}

StreamCost cost_of(const StreamTail& tail) {
  StreamCost c;
  for (unsigned block = 0; block < tail.blocks; ++block) {
    const unsigned begin = tail.begin(block), end = tail.begin(block + 1);
    c.longest = std::max(c.longest, end - begin);
    unsigned segments = 0;
    for (unsigned slice = begin; slice < end; ++segments) {
      const StreamTail::Segment s = tail.segment(block, slice);
      slice += s.end - s.begin;
      c.cut += tail.is_cut(s) ? 1 : 0;
    }
    c.segments = std::max(c.segments, segments);
  }
  return c;
}

}  // namespace fovea
