// forward.cu - forward convolution, fp32, NHWC, direct, tiled in shared memory, register-blocked.
// Block  -> BM pixels of all images x BN filters of one group; thread -> TM x TN of them.
// Loop   -> r, s, c flattened into one reduction, 16 indices a slice: 3 channels idle no lane.
// Reuse  -> a staged element of x serves BN filters, a weight BM pixels; the r * s visits to a
//           pixel come from L1 and L2, not from HBM (times in docs/kernels/direct_tiled.md).
// Limits -> every filter, stride, padding and dilation; groups up to kMaxGroups.
#include <fovea/kernels/cuda/conv/direct_tiled.h>
#include <fovea/kernels/cuda/conv/patch.h>
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/tile/matrix.h>
#include <fovea/kernels/cuda/tile/product.h>
#include <fovea/kernels/cuda/tile/store.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/shared.h>

namespace fovea::FOVEA_TARGET {
namespace {

/// Where results go: filters of a group, of all groups; stores of vectors are aligned.
struct Output {
  int group_filters = 0, filters = 0;
  bool vectors = false;
};

template <class T>
struct Shared {
  typename T::Stage stage[2];
  Pixel pixel[T::BM];
};

// x[n,h,w,c], w[k,r,s,c/groups] -> y[n,p,q,k]; grid (tiles, groups)
template <class T, int Width>
__global__ void __launch_bounds__(T::kThreads, T::kBlocks)
    forward(const __grid_constant__ Patch patch, const __grid_constant__ TileGrid tiles,
            const float* x, const float* w, float* y, const __grid_constant__ Output out,
            const __grid_constant__ ForwardEpilogue epilogue) {
  auto& s = block_shared<Shared<T>>();
  const unsigned first_pixel = tiles.row_tile(blockIdx.x) * T::BM;
  const int tile_filter = static_cast<int>(tiles.column_tile(blockIdx.x)) * T::BN;
  const int group = static_cast<int>(blockIdx.y);
  const int group_channels = static_cast<int>(patch.group_channels.divisor());
  for (int i = static_cast<int>(threadIdx.x); i < T::BM; i += T::kThreads) {
    s.pixel[i] = patch.pixel(first_pixel + static_cast<unsigned>(i), group * group_channels);
  }
  __syncthreads();  // the tile's pixels are visible

  const int filter = group * out.group_filters + tile_filter;
  const PatchSource a{patch, x, s.pixel};
  const AlongMatrix b{w + std::int64_t{filter} * patch.depth, out.group_filters - tile_filter,
                      patch.depth, patch.depth};
  typename T::Accumulators acc = {};
  accumulate_product<T, AlongReduction<T::BM, T::BK, T::kThreads, Width>,
                     AlongReduction<T::BN, T::BK, T::kThreads, Width>>(s.stage, a, b, 0,
                                                                       patch.depth, acc);

  T::for_each_vector(acc, [&](int row, int column, const auto& sum) {
    const unsigned pixel = first_pixel + static_cast<unsigned>(row);
    if (pixel >= patch.cells) return;
    float* to = y + std::int64_t{pixel} * out.filters + filter + column;
    store_each(to, sum, b.rows - column, out.vectors,
               [&](float v, int l) { return epilogue.linear(v, filter + column + l); });
  });
  if (!epilogue.goes_on()) return;
  T::for_each_output([&](int row, int column) {
    const unsigned pixel = first_pixel + static_cast<unsigned>(row);
    if (pixel >= patch.cells || column >= b.rows) return;
    const std::int64_t at = std::int64_t{pixel} * out.filters + filter + column;
    y[at] = epilogue.rest(y[at], at);
  });
}

template <class T, int Width>
void run(const ConvProblem& p, const ConvForward::Args& a, StreamView stream) {
  const Patch patch = output_patch(p);
  const TileGrid tiles(patch.cells, p.k_per_group(), T::BM, T::BN);
  const Output out{p.k_per_group(), p.k, p.k_per_group() % 4 == 0 && is_aligned(a.y.data, 16)};
  const Launch l{.grid = {tiles.count(), static_cast<unsigned>(p.groups)},
                 .block = {T::kThreads},
                 .smem = sizeof(Shared<T>)};
  launch(forward<T, Width>, l, stream, patch, tiles, a.x.as<float>(), a.w.as<float>(),
         a.y.as<float>(), out, forward_epilogue(p, a));
}

template <class T>
void run_tile(const ConvProblem& p, const TiledVariant&, const ConvForward::Args& a,
              StreamView stream) {
  if (p.c_per_group() % 4 == 0 && is_aligned(a.x.data, 16) && is_aligned(a.w.data, 16)) {
    run<T, 4>(p, a, stream);
  } else {
    run<T, 1>(p, a, stream);
  }
}

template <class T>
TiledKernel<ConvForward> kernel() {
  return {kTileSize<T>, run_tile<T>};
}

}  // namespace

Algorithm<ConvForward> conv_forward_direct_tiled() {
  return tiled_algorithm<ConvForward>(
      "direct_tiled", kForwardEpilogues, fits_grid,
      {forward_extents,
       {kernel<Tile<128, 128, 8, 8, 2>>(), kernel<Tile<128, 96, 8, 6, 2>>(),
        kernel<Tile<128, 64, 8, 8, 3>>(), kernel<Tile<128, 32, 8, 4, 4>>(),
        kernel<Tile<64, 64, 8, 4, 4>>()}});
}

}  // namespace fovea::FOVEA_TARGET
