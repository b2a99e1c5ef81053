// dgrad.cu - input gradient of a convolution, fp32, NHWC, direct, tiled in shared memory.
// Block  -> BM cells of dx of one phase x BN channels of one group; thread -> TM x TN of them.
// Phases -> stride u x v parts dx into u * v phases, each reached by its own subset of the taps:
//           one launch a phase, with no product by a zero (phase.h). Stride 1: one phase.
// Loop   -> the phase's taps and the group's filters flattened into one reduction.
// Reuse  -> a staged element of dy serves BN channels, a weight BM cells.
// Limits -> stride u * v up to kMaxPhases; groups up to kMaxGroups.
#include <fovea/kernels/cuda/conv/direct_tiled.h>
#include <fovea/kernels/cuda/conv/patch.h>
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/tile/product.h>
#include <fovea/kernels/cuda/tile/store.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/shared.h>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kMaxPhases = 64;  // launches

/// The weights that one phase meets: w[k,r,s,c/groups] with the phase's taps alone.
struct PhaseWeights {
  FastDivide group_filters, taps_across;
  unsigned depth = 0;
  int filter_size = 0;                         // r * s * c/groups: from filter to filter
  int first = 0, tap_row = 0, tap_column = 0;  // first tap, and from tap to tap
};

/// Right operand: row = channel of the tile, step = tap and filter.
struct WeightSource {
  const PhaseWeights& phase;
  const float* w;  // the group's first filter, the tile's first channel
  int channels;    // of the group, from there on
  __device__ __forceinline__ int row(int i) const { return i; }
  __device__ __forceinline__ std::int64_t step(unsigned kk) const {
    if (kk >= phase.depth) return -1;
    const unsigned tap = phase.group_filters.quotient(kk);
    const unsigned filter = phase.group_filters.remainder(kk, tap);
    const unsigned row = phase.taps_across.quotient(tap);
    const unsigned column = phase.taps_across.remainder(tap, row);
    return std::int64_t{filter} * phase.filter_size + phase.first +
           static_cast<int>(row) * phase.tap_row + static_cast<int>(column) * phase.tap_column;
  }
  __device__ __forceinline__ const float* find(int i, std::int64_t step) const {
    return i < channels && step >= 0 ? w + step + i : nullptr;
  }
};

/// Where a phase's results go in dx.
struct PhaseOutput {
  int height = 0, width = 0, channels = 0, group_channels = 0;
  int first_row = 0, first_column = 0, row_step = 1, column_step = 1;
  bool vectors = false;  // stores of vectors are aligned
};

template <class T>
struct Shared {
  typename T::Stage stage[2];
  Pixel pixel[T::BM];
};

// dy[n,p,q,k], w[k,r,s,c/groups] -> the cells of one phase of dx[n,h,w,c]; grid (tiles, groups)
template <class T, int Width>
__global__ void __launch_bounds__(T::kThreads, T::kBlocks)
    dgrad(const __grid_constant__ Patch patch, const __grid_constant__ PhaseWeights weights,
          const __grid_constant__ TileGrid tiles, const float* dy, const float* w, float* dx,
          const __grid_constant__ PhaseOutput out,
          const __grid_constant__ DgradEpilogue<float> epilogue) {
  auto& s = block_shared<Shared<T>>();
  const unsigned first_cell = tiles.row_tile(blockIdx.x) * T::BM;
  const int tile_channel = static_cast<int>(tiles.column_tile(blockIdx.x)) * T::BN;
  const int group = static_cast<int>(blockIdx.y);
  const int group_filters = static_cast<int>(weights.group_filters.divisor());
  for (int i = static_cast<int>(threadIdx.x); i < T::BM; i += T::kThreads) {
    s.pixel[i] = patch.pixel(first_cell + static_cast<unsigned>(i), group * group_filters);
  }
  __syncthreads();  // the tile's pixels are visible

  const PatchSource a{patch, dy, s.pixel};
  const float* group_weights = w + std::int64_t{group} * group_filters * weights.filter_size;
  const WeightSource b{weights, group_weights + tile_channel, out.group_channels - tile_channel};
  typename T::Accumulators acc = {};
  accumulate_product<T, AlongReduction<T::BM, T::BK, T::kThreads, Width>,
                     AcrossReduction<T::BN, T::BK, T::kThreads, Width>>(s.stage, a, b, 0,
                                                                        weights.depth, acc);

  const int channel = group * out.group_channels + tile_channel;
  T::for_each_vector(acc, [&](int row, int column, const auto& sum) {
    const unsigned index = first_cell + static_cast<unsigned>(row);
    if (index >= patch.cells) return;
    const auto cell = patch.cell(index);
    const std::int64_t image_row =
        std::int64_t{cell.image} * out.height + out.first_row + cell.i * out.row_step;
    const std::int64_t at =
        (image_row * out.width + out.first_column + cell.j * out.column_step) * out.channels +
        channel + column;
    store_each(dx + at, sum, b.channels - column, out.vectors,
               [&](float v, int l) { return epilogue(v, dx, at + l); });
  });
}

template <class T, int Width>
void run_phase(const ConvProblem& p, const Phase& rows, const Phase& columns,
               const ConvDgrad::Args& a, StreamView stream) {
  const Patch patch = phase_patch(p, rows, columns);
  const int cg = p.c_per_group();
  const PhaseWeights weights{.group_filters = patch.group_channels,
                             .taps_across = patch.taps_across,
                             .depth = patch.depth,
                             .filter_size = p.r * p.s * cg,
                             .first = (rows.first_tap * p.s + columns.first_tap) * cg,
                             .tap_row = rows.tap_step * p.s * cg,
                             .tap_column = columns.tap_step * cg};
  const PhaseOutput out{.height = p.h,
                        .width = p.w,
                        .channels = p.c,
                        .group_channels = cg,
                        .first_row = rows.first,
                        .first_column = columns.first,
                        .row_step = p.u,
                        .column_step = p.v,
                        .vectors = cg % 4 == 0 && is_aligned(a.dx.data, 16)};
  const TileGrid tiles(patch.cells, cg, T::BM, T::BN);
  const Launch l{.grid = {tiles.count(), static_cast<unsigned>(p.groups)},
                 .block = {T::kThreads},
                 .smem = sizeof(Shared<T>)};
  launch(dgrad<T, Width>, l, stream, patch, weights, tiles, a.dy.as<float>(), a.w.as<float>(),
         a.dx.as<float>(), out, dgrad_epilogue(p.epilogue, a.mask));
}

template <class T>
void run_tile(const ConvProblem& p, const TiledVariant&, const ConvDgrad::Args& a,
              StreamView stream) {
  const bool vectors = p.c_per_group() % 4 == 0 && p.k_per_group() % 4 == 0 &&
                       is_aligned(a.dy.data, 16) && is_aligned(a.w.data, 16);
  for (int i = 0; i < p.u; ++i) {
    const Phase rows = phase_of(i, p.u, p.h, p.ph.begin, p.r, p.dh, p.p());
    for (int j = 0; j < p.v; ++j) {
      const Phase columns = phase_of(j, p.v, p.w, p.pw.begin, p.s, p.dw, p.q());
      if (rows.cells == 0 || columns.cells == 0) continue;
      if (vectors) {
        run_phase<T, 4>(p, rows, columns, a, stream);
      } else {
        run_phase<T, 1>(p, rows, columns, a, stream);
      }
    }
  }
}

template <class T>
TiledKernel<ConvDgrad> kernel() {
  return {kTileSize<T>, run_tile<T>};
}

Verdict fits(const ConvProblem& p) {
  if (std::int64_t{p.u} * p.v > kMaxPhases) return Verdict::no("a stride of more than 64 phases");
  return fits_grid(p);
}

}  // namespace

Algorithm<ConvDgrad> conv_dgrad_direct_tiled() {
  return tiled_algorithm<ConvDgrad>(
      "direct_tiled", kDgradEpilogues, fits,
      {dgrad_extents,
       {kernel<Tile<128, 128, 8, 8, 2>>(), kernel<Tile<128, 96, 8, 6, 2>>(),
        kernel<Tile<128, 64, 8, 8, 3>>(), kernel<Tile<128, 32, 8, 4, 4>>(),
        kernel<Tile<64, 64, 8, 4, 4>>()}});
}

}  // namespace fovea::FOVEA_TARGET
