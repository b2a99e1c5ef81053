// wgrad.cu - weight and bias gradient of a convolution, fp32, NHWC, direct, tiled in shared memory.
// Block  -> BM filters of one group x BN weights of a filter, over one part of the pixels; thread
// ->
//           TM x TN of them. A filter's r * s * c weights are one axis.
// Split  -> the pixels of the batch in `splits` parts, whose partial sums go to the workspace and
//           are added in order (tile/reduce.cu); one part: straight to dw. The variant names it.
// Bias   -> the blocks of the first weights add up the dy that lies in shared memory anyway.
// Reuse  -> a staged element of dy serves BN weights, of x BM filters.
// Limits -> every filter, stride, padding and dilation; groups up to kMaxGroups.
#include <fovea/kernels/cuda/conv/direct_tiled.h>
#include <fovea/kernels/cuda/conv/patch.h>
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/tile/matrix.h>
#include <fovea/kernels/cuda/tile/product.h>
#include <fovea/kernels/cuda/tile/reduce.h>
#include <fovea/kernels/cuda/tile/store.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/shared.h>

namespace fovea::FOVEA_TARGET {
namespace {

/// Right operand: row = tap and channel, step = pixel.
struct ImageSource {
  const Patch& patch;
  const float* x;
  unsigned first_weight;
  int first_channel;
  unsigned end;
  __device__ __forceinline__ Tap row(int i) const {
    return patch.tap(first_weight + static_cast<unsigned>(i));
  }
  __device__ __forceinline__ Pixel step(unsigned pixel) const {
    return patch.pixel(pixel < end ? pixel : patch.cells, first_channel);
  }
  __device__ __forceinline__ const float* find(const Tap& t, const Pixel& p) const {
    return patch.find(x, p, t);
  }
};

/// Where results go: dw and db themselves, or a part's partial sums.
struct Output {
  float *dw = nullptr, *db = nullptr;     // db may be nullptr
  std::int64_t dw_part = 0, db_part = 0;  // elements from part to part
  bool accumulate = false;
  bool vectors = false;  // stores of vectors are aligned
};

template <class T>
struct Shared {
  typename T::Stage stage[2];
  typename RowSum<T>::Sums row_sum;
};

// x[n,h,w,c], dy[n,p,q,k] -> dw[k,r,s,c/groups], db[k]; grid (tiles, groups, parts)
template <class T, int Width>
__global__ void __launch_bounds__(T::kThreads, T::kBlocks)
    wgrad(const __grid_constant__ Patch patch, const __grid_constant__ TileGrid tiles,
          unsigned part_length, int group_filters, int filters, const float* x, const float* dy,
          const __grid_constant__ Output out) {
  auto& s = block_shared<Shared<T>>();
  const int tile_filter = static_cast<int>(tiles.row_tile(blockIdx.x)) * T::BM;
  const unsigned tile_weight = tiles.column_tile(blockIdx.x) * T::BN;
  const int group = static_cast<int>(blockIdx.y);
  const int filter = group * group_filters + tile_filter;
  const unsigned begin = blockIdx.z * part_length;
  const unsigned end = patch.cells - begin > part_length ? begin + part_length : patch.cells;

  const AcrossMatrix a{dy + filter, group_filters - tile_filter, static_cast<unsigned>(filters),
                       end};
  const int group_channels = static_cast<int>(patch.group_channels.divisor());
  const ImageSource b{patch, x, tile_weight, group * group_channels, end};
  typename T::Accumulators acc = {};
  const RowSum<T> bias(s.row_sum, out.db != nullptr && tile_weight == 0);
  accumulate_product<T, AcrossReduction<T::BM, T::BK, T::kThreads, Width>,
                     AcrossReduction<T::BN, T::BK, T::kThreads, Width>>(s.stage, a, b, begin, end,
                                                                        acc, bias);

  float* dw = out.dw + blockIdx.z * out.dw_part + std::int64_t{filter} * patch.depth + tile_weight;
  const auto finish = [&](float v, float held) { return out.accumulate ? held + v : v; };
  T::for_each_vector(acc, [&](int row, int column, const auto& sum) {
    if (row >= a.rows) return;
    float* to = dw + std::int64_t{row} * patch.depth + column;
    const int left = static_cast<int>(patch.depth - tile_weight) - column;
    store_each(to, sum, left, out.vectors, [&](float v, int l) { return finish(v, to[l]); });
  });
  const int row = static_cast<int>(threadIdx.x);
  if (!bias.active() || row >= a.rows) return;
  float& to = out.db[blockIdx.z * out.db_part + filter + row];
  to = finish(bias.sum(), to);
}

template <class T, int Width>
void run(const ConvProblem& p, int splits, const ConvWgrad::Args& a, StreamView stream) {
  const Patch patch = output_patch(p);
  const TileGrid tiles(p.k_per_group(), patch.depth, T::BM, T::BN);
  const auto weights = std::int64_t{p.k} * patch.depth;
  float* const dw = a.dw.as<float>();
  float* const db = p.epilogue.db ? a.db.as<float>() : nullptr;
  auto* const partial = static_cast<float*>(a.context.workspace);
  Output out{.dw = dw, .db = db, .accumulate = p.epilogue.acc};
  if (splits > 1) {
    out = {.dw = partial,
           .db = db != nullptr ? partial + splits * weights : nullptr,
           .dw_part = weights,
           .db_part = p.k};
  }
  out.vectors = patch.depth % 4 == 0 && is_aligned(out.dw, 16);
  const Launch l{
      .grid = {tiles.count(), static_cast<unsigned>(p.groups), static_cast<unsigned>(splits)},
      .block = {T::kThreads},
      .smem = sizeof(Shared<T>)};
  launch(wgrad<T, Width>, l, stream, patch, tiles,
         static_cast<unsigned>(part_length(patch.cells, splits)), p.k_per_group(), p.k,
         a.x.as<float>(), a.dy.as<float>(), out);
  if (splits == 1) return;
  run_reduce({out.dw, weights, splits}, dw, p.epilogue.acc, stream);
  if (db != nullptr) run_reduce({out.db, p.k, splits}, db, p.epilogue.acc, stream);
}

template <class T>
void run_tile(const ConvProblem& p, const TiledVariant& v, const ConvWgrad::Args& a,
              StreamView stream) {
  if (p.c_per_group() % 4 == 0 && p.k_per_group() % 4 == 0 && is_aligned(a.x.data, 16) &&
      is_aligned(a.dy.data, 16)) {
    run<T, 4>(p, v.splits, a, stream);
  } else {
    run<T, 1>(p, v.splits, a, stream);
  }
}

template <class T>
TiledKernel<ConvWgrad> kernel() {
  return {kTileSize<T>, run_tile<T>};
}

}  // namespace

Algorithm<ConvWgrad> conv_wgrad_direct_tiled() {
  return tiled_algorithm<ConvWgrad>(
      "direct_tiled", kWgradEpilogues, fits_grid,
      {wgrad_extents,
       {kernel<Tile<128, 128, 8, 8, 2>>(), kernel<Tile<96, 128, 6, 8, 2>>(),
        kernel<Tile<64, 64, 8, 4, 4>>(), kernel<Tile<32, 64, 4, 4, 6>>()}});
}

}  // namespace fovea::FOVEA_TARGET
