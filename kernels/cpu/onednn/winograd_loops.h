// winograd_loops.h - the transforms around Winograd's products, over NHWC tensors with vectors of
// channels: no change of layout, no padding copy. Tiles are numbered image by image, row by row.
#pragma once

#include <fovea/kernels/cpu/simd/simd.h>

#include <cstdint>

namespace fovea::onednn {

inline constexpr int kOutputs = 4;  // an output tile is 4 x 4

/// A tensor [images, h, w, all_channels] seen as tiles with a corner every 4 cells; cells outside
/// read as 0 and are not written.
struct TiledPlanes {
  int h = 0, w = 0;
  std::int64_t all_channels = 0;
  int tiles_h = 0, tiles_w = 0;    // tiles of an image
  int offset_h = 0, offset_w = 0;  // of a tile's first cell from its corner: minus the padding
};

/// `count` tiles from tile `first` on, channels [channel, channel + channels).
struct TileRange {
  std::int64_t first = 0, count = 0;
  std::int64_t channel = 0;
  int channels = 0;
};

/// What happens to an output cell.
struct TileEpilogue {
  const float* bias = nullptr;  // of the range's first channel
  const float* mask = nullptr;  // like y
  bool relu = false, accumulate = false;
};

/// KRSC weights of one group, taps x taps; filters [first, first + count).
struct FilterRange {
  int tile = 0, taps = 0;
  int c = 0, k = 0;  // channels and filters of the group
  int first = 0, count = 0;
};

/// The loops, compiled for one instruction set. t counts the tile * tile places of a tile; arrays
/// [t][..] have `place` floats from one t to the next.
struct WinogradLoops {
  /// out[t][tile][channel] = B^T x B of the tile x tile cells, or G x G^T of 4 x 4 cells with
  /// `gradient`.
  void (*tiles_in)(int tile, bool gradient, const TiledPlanes& planes, const TileRange& range,
                   const float* x, std::int64_t place, float* out);
  /// y = A^T m A of each tile, m[t][tile][channel].
  void (*tiles_out)(int tile, const TiledPlanes& planes, const TileRange& range, const float* m,
                    std::int64_t place, const TileEpilogue& epilogue, float* y);
  /// u[t][c][k] = G w G^T, for the forward pass.
  void (*filters_forward)(const FilterRange& range, const float* w, std::int64_t place, float* u);
  /// u[t][k][c] = G w' G^T, w' the filter turned by half a turn, for the input gradient.
  void (*filters_turned)(const FilterRange& range, const float* w, std::int64_t place, float* u);
  /// dw (+)= A^T (sum over `parts` of du[part][t][k][c]) A, a part `part_stride` floats from the
  /// last.
  void (*filters_out)(const FilterRange& range, const float* du, std::int64_t place, int parts,
                      std::int64_t part_stride, bool accumulate, float* dw);
};

/// The loops for an instruction set that this CPU has.
const WinogradLoops& winograd_loops(Isa isa);

}  // namespace fovea::onednn
