// avg_pool.cu - average pooling and its gradient, mapped as max_pool.cu maps max pooling.
// Forward 4 bytes per cell of x and of y from memory at best, in bf16 2; backward the same, by a
// gather. Sums are fp32.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/cuda/pool.cuh>

namespace fovea::FOVEA_TARGET {
namespace {

/// What a window's sum is divided by.
__device__ __forceinline__ float divisor(const PoolGeometry& g, bool padded, int p, int q) {
  return static_cast<float>(g.rows.cells(p, padded) * g.columns.cells(q, padded));
}

template <int W, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    avg_pool_windows(PoolGeometry g, bool padded, std::int64_t items, const T* x, T* y) {
  const std::int64_t item = item_of_thread();
  if (item >= items) return;
  const PoolCell at(item, g.rows.out, g.columns.out, g.c / W, W);
  const Range rows = g.rows.inside(at.row);
  const Range columns = g.columns.inside(at.column);
  const int top = g.rows.start(at.row);
  const int left = g.columns.start(at.column);

  Vector<float, W> sum{};
  for (int r = rows.begin; r < rows.end; ++r) {
    for (int s = columns.begin; s < columns.end; ++s) {
      const auto v = load_floats<W>(x + g.x_at(at.image, top + r, left + s, at.channel));
      for (int l = 0; l < W; ++l) sum[l] += v[l];
    }
  }
  const float cells = divisor(g, padded, at.row, at.column);
  for (int l = 0; l < W; ++l) sum[l] /= cells;
  store_floats<W>(y + g.y_at(at.image, at.row, at.column, at.channel), sum);
}

template <int W, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    avg_pool_gather(PoolGeometry g, bool padded, std::int64_t items, const T* dy, T* dx) {
  const std::int64_t item = item_of_thread();
  if (item >= items) return;
  const PoolCell at(item, g.rows.in, g.columns.in, g.c / W, W);
  const Range rows = g.rows.holding(at.row);
  const Range columns = g.columns.holding(at.column);

  Vector<float, W> sum{};
  for (int p = rows.begin; p < rows.end; ++p) {
    for (int q = columns.begin; q < columns.end; ++q) {
      const auto gradient = load_floats<W>(dy + g.y_at(at.image, p, q, at.channel));
      const float share = 1.0F / divisor(g, padded, p, q);
      for (int l = 0; l < W; ++l) sum[l] = fma(gradient[l], share, sum[l]);
    }
  }
  store_floats<W>(dx + g.x_at(at.image, at.row, at.column, at.channel), sum);
}

void run_forward(const PoolProblem& p, const AvgPoolForward::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    const auto* x = a.x.as<T>();
    auto* y = a.y.as<T>();
    by_width<T>(p.c, allow_vectors(x, y), [&]<int W>(Width<W>) {
      const std::int64_t items = p.y_shape().elements() / W;
      launch(avg_pool_windows<W, T>, launch_for(items), stream, PoolGeometry(p), p.count_padding,
             items, x, y);
    });
  });
}

void run_backward(const PoolProblem& p, const AvgPoolBackward::Args& a, StreamView stream) {
  by_type(a.dy, [&]<class T>(T) {
    const auto* dy = a.dy.as<T>();
    auto* dx = a.dx.as<T>();
    by_width<T>(p.c, allow_vectors(dy, dx), [&]<int W>(Width<W>) {
      const std::int64_t items = p.x_shape().elements() / W;
      launch(avg_pool_gather<W, T>, launch_for(items), stream, PoolGeometry(p), p.count_padding,
             items, dy, dx);
    });
  });
}

}  // namespace

Algorithm<AvgPoolForward> avg_pool_forward() {
  return make_algorithm<AvgPoolForward>({.name = "window", .run = run_forward});
}
Algorithm<AvgPoolBackward> avg_pool_backward() {
  return make_algorithm<AvgPoolBackward>(
      {.name = "gather", .run = run_backward, .exact_on_integers = false});
}

}  // namespace fovea::FOVEA_TARGET
