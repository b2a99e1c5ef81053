// lrn_within.cu - local response normalisation within maps, NHWC:
//   d_i = k + a sum of x_j^2 over the size x size cells around i, zeros outside the plane
//   y_i = x_i d_i^-beta
//   dx_i = dy_i d_i^-beta - 2 a beta x_i sum over the same cells of t_j,  t_j = dy_j x_j
//   d_j^(-beta-1)
// Block  -> 8 x 8 cells of `width` neighbouring channels of one image. Thread -> every 256th
//           element; neighbours in a warp are neighbouring channels: no bank conflicts, and a
//           memory access of `width` * 4 neighbouring bytes.
// Reuse  -> a tile of x with the halo is staged once and read size^2 times from shared memory.
//           Backward stages a halo twice as wide, computes each t_j of the tile and its halo once,
//           and reads it size^2 times.
// Bytes  -> 8 forward, 12 backward per element, in bf16 half of it, from memory at best; the tile
//           is fp32 in either type; halos come from L2 if they are
//           still there: with size 3 the tile reads 1.6 and 2.3 times its cells.
// Limits -> the tile must fit: halo <= 22. A window never needs to be wider than 2 max(h, w) - 1,
//           so planes up to 23 x 23 have any size.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/cuda/lrn.cuh>

#include <algorithm>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kWithinThreads = 256;
constexpr int kSide = 8;           // of a block's cells
constexpr int kCapacity = 12'288;  // floats, 48 KiB: no opt-in, 4 blocks share an SM

/// Cells of a block with `halo` more on each side.
constexpr int cells(int halo) { return (kSide + 2 * halo) * (kSide + 2 * halo); }

struct WithinTile {
  float values[kCapacity];  // x with its halo, then t with half of it
};

struct WithinGeometry {
  int n, c, h, w, half;
  int width;               // channels of a block, a power of two
  unsigned across, along;  // tiles in a row of tiles; tiles of a plane
  float a, beta, k;

  WithinGeometry(const LrnProblem& p, bool backward)
      : n{p.n},
        c{p.c},
        h{p.h},
        w{p.w},
        half{reach(p)},
        width{widest(reach(p), backward, p.c)},
        across{ceil_div(p.w, kSide)},
        along{across * ceil_div(p.h, kSide)},
        a{p.scale()},
        beta{p.beta},
        k{p.k} {}

  /// Cells from a window's centre to its edge; those that no cell of the plane can reach left out.
  static int reach(const LrnProblem& p) { return std::min(p.size / 2, std::max(p.h, p.w) - 1); }
  /// The most channels, up to 32, whose tile fits; 0: none.
  static int widest(int half, bool backward, int channels) {
    const int of_channel = backward ? cells(2 * half) + cells(half) : cells(half);
    int width = 32;
    while (width > 0 && width * of_channel > kCapacity) width /= 2;
    while (width > 1 && width / 2 >= channels) width /= 2;
    return width;
  }
};

/// The block's part of the tensor, and its elements with a halo by number.
struct WithinBlock {
  int image, row, column, channel;  // of the first cell, without halo
  __device__ __forceinline__ explicit WithinBlock(const WithinGeometry& g) {
    const unsigned tile = blockIdx.x % g.along;
    image = static_cast<int>(blockIdx.x / g.along);
    row = static_cast<int>(tile / g.across) * kSide;
    column = static_cast<int>(tile % g.across) * kSide;
    channel = static_cast<int>(blockIdx.y) * g.width;
  }
};

/// Element `e` of a tile with `halo`: its cell in the tile, and in the tensor.
struct WithinElement {
  int r, s, lane;  // in the tile
  bool inside;     // the plane and the channels
  int at;          // in the tensor, if inside
  __device__ __forceinline__ WithinElement(const WithinGeometry& g, const WithinBlock& b, int halo,
                                           int e) {
    const auto side = static_cast<unsigned>(kSide + 2 * halo);
    const unsigned cell = static_cast<unsigned>(e) / static_cast<unsigned>(g.width);
    lane = static_cast<int>(static_cast<unsigned>(e) % static_cast<unsigned>(g.width));
    r = static_cast<int>(cell / side);
    s = static_cast<int>(cell % side);
    const int row = b.row + r - halo;
    const int column = b.column + s - halo;
    const int channel = b.channel + lane;
    inside = row >= 0 && row < g.h && column >= 0 && column < g.w && channel < g.c;
    at = ((b.image * g.h + row) * g.w + column) * g.c + channel;
  }
};

/// The tile of x with `halo`, zeros outside the plane; ends with its barrier.
template <class T>
__device__ void stage(float* to, const WithinGeometry& g, const WithinBlock& b, int halo,
                      const T* x) {
  const int count = cells(halo) * g.width;
  for (int e = static_cast<int>(threadIdx.x); e < count; e += kWithinThreads) {
    const WithinElement i(g, b, halo, e);
    to[e] = i.inside ? load_float(x + i.at) : 0.0F;
  }
  __syncthreads();  // the tile is visible
}

/// Sums f(v) over the window whose first cell is (r, s) of a tile with `side` cells in a row.
template <class F>
__device__ __forceinline__ float window_sum(const WithinGeometry& g, const float* tile, int side,
                                            int r, int s, int lane, F f) {
  float sum = 0;
  for (int i = r; i <= r + 2 * g.half; ++i) {
    for (int j = s; j <= s + 2 * g.half; ++j) sum = f(tile[(i * side + j) * g.width + lane], sum);
  }
  return sum;
}

struct AddSquare {
  __device__ __forceinline__ float operator()(float v, float sum) const { return fma(v, v, sum); }
};
struct AddValue {
  __device__ __forceinline__ float operator()(float v, float sum) const { return sum + v; }
};

template <class T>
__global__ void __launch_bounds__(kWithinThreads)
    lrn_within_forward_kernel(WithinGeometry g, const T* x, T* y) {
  auto& tile = block_shared<WithinTile>();
  const WithinBlock b(g);
  stage(tile.values, g, b, g.half, x);
  const int side = kSide + 2 * g.half;
  for (int e = static_cast<int>(threadIdx.x); e < cells(0) * g.width; e += kWithinThreads) {
    const WithinElement i(g, b, 0, e);
    if (!i.inside) continue;
    const float sum = window_sum(g, tile.values, side, i.r, i.s, i.lane, AddSquare{});
    const float own = tile.values[((i.r + g.half) * side + i.s + g.half) * g.width + i.lane];
    store_float(y + i.at, own * inverse_powers(fma(g.a, sum, g.k), g.beta).beta);
  }
}

template <class T>
__global__ void __launch_bounds__(kWithinThreads)
    lrn_within_backward_kernel(WithinGeometry g, const T* x, const T* dy, T* dx) {
  auto& tile = block_shared<WithinTile>();
  const WithinBlock b(g);
  const int wide = kSide + 4 * g.half;  // row of x's tile
  const int side = kSide + 2 * g.half;  // row of t's tile
  stage(tile.values, g, b, 2 * g.half, x);
  float* t = tile.values + cells(2 * g.half) * g.width;
  for (int e = static_cast<int>(threadIdx.x); e < cells(g.half) * g.width; e += kWithinThreads) {
    const WithinElement i(g, b, g.half, e);
    float value = 0;  // outside the plane
    if (i.inside) {
      const float sum = window_sum(g, tile.values, wide, i.r, i.s, i.lane, AddSquare{});
      const float own = tile.values[((i.r + g.half) * wide + i.s + g.half) * g.width + i.lane];
      const InversePowers power = inverse_powers(fma(g.a, sum, g.k), g.beta);
      value = load_float(dy + i.at) * power.beta * own * power.one;
    }
    t[e] = value;
  }
  __syncthreads();  // t visible
  const float factor = 2 * g.a * g.beta;
  for (int e = static_cast<int>(threadIdx.x); e < cells(0) * g.width; e += kWithinThreads) {
    const WithinElement i(g, b, 0, e);
    if (!i.inside) continue;
    // d again, from the same tile and in the same order: cheaper than keeping it.
    const float squares =
        window_sum(g, tile.values, wide, i.r + g.half, i.s + g.half, i.lane, AddSquare{});
    const float own =
        tile.values[((i.r + 2 * g.half) * wide + i.s + 2 * g.half) * g.width + i.lane];
    const float direct =
        load_float(dy + i.at) * inverse_powers(fma(g.a, squares, g.k), g.beta).beta;
    const float sum = window_sum(g, t, side, i.r, i.s, i.lane, AddValue{});
    store_float(dx + i.at, fma(-factor * own, sum, direct));
  }
}

Launch launch_of(const WithinGeometry& g) {
  return {.grid = {static_cast<unsigned>(g.n) * g.along, ceil_div(g.c, g.width)},
          .block = {kWithinThreads},
          .smem = sizeof(WithinTile)};
}

void run_within_forward(const LrnProblem& p, const LrnForward::Args& a, StreamView stream) {
  const WithinGeometry g(p, false);
  by_type(a.x, [&]<class T>(T) {
    launch(lrn_within_forward_kernel<T>, launch_of(g), stream, g, a.x.as<T>(), a.y.as<T>());
  });
}

void run_within_backward(const LrnProblem& p, const LrnBackward::Args& a, StreamView stream) {
  const WithinGeometry g(p, true);
  by_type(a.x, [&]<class T>(T) {
    launch(lrn_within_backward_kernel<T>, launch_of(g), stream, g, a.x.as<T>(), a.dy.as<T>(),
           a.dx.as<T>());
  });
}

template <bool Backward>
Verdict can_run(const LrnProblem& p, const DeviceInfo&) {
  if (!p.within) return Verdict::no("normalises across channels");
  const WithinGeometry g(p, Backward);
  if (g.width == 0) return Verdict::no("the window and its halo do not fit into shared memory");
  if (ceil_div(p.c, g.width) > 65'535) return Verdict::no("too many channels for one launch");
  return {};
}

}  // namespace

Algorithm<LrnForward> lrn_within_forward() {
  return make_algorithm<LrnForward>({.name = "within",
                                     .run = run_within_forward,
                                     .can_run = can_run<false>,
                                     .exact_on_integers = false});
}
Algorithm<LrnBackward> lrn_within_backward() {
  return make_algorithm<LrnBackward>({.name = "within",
                                      .run = run_within_backward,
                                      .can_run = can_run<true>,
                                      .exact_on_integers = false});
}

}  // namespace fovea::FOVEA_TARGET
