// max_pool.cu - max pooling and its gradient; ties, NaN and the recorded place as in pool.h.
// Forward   thread -> W channels of one window (16 bytes of them where c % W = 0, else 1);
//           neighbours in a warp are neighbouring channels, so that each access of a warp is one
//           piece of memory. Windows that overlap read their common cells from L1 and L2: 4 bytes
//           per cell of x, 5 per cell of y from memory at best, in bf16 2 and 3, r s / (u v) times
//           that of x from the caches.
// Backward  thread -> W channels of one cell of x. It visits the windows that hold the cell, in
//           order, and takes dy of those that recorded it: a gather, so no atomics, one order of
//           the sum, and each cell of dx is written once. 5 bytes per cell of y, 4 per cell of x,
//           in bf16 3 and 2; the sum is fp32.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/cuda/pool.cuh>

#include <limits>

namespace fovea::FOVEA_TARGET {
namespace {

template <int W, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    max_pool_windows(PoolGeometry g, std::int64_t items, const T* x, T* y, std::uint8_t* argmax) {
  const std::int64_t item = item_of_thread();
  if (item >= items) return;
  const PoolCell at(item, g.rows.out, g.columns.out, g.c / W, W);
  const Range rows = g.rows.inside(at.row);
  const Range columns = g.columns.inside(at.column);
  const int top = g.rows.start(at.row);
  const int left = g.columns.start(at.column);

  Vector<float, W> best;
  Vector<std::uint8_t, W> place;
  for (int l = 0; l < W; ++l) {
    best[l] = -std::numeric_limits<float>::infinity();
    place[l] = static_cast<std::uint8_t>(rows.begin * g.columns.size + columns.begin);
  }
  for (int r = rows.begin; r < rows.end; ++r) {
    for (int s = columns.begin; s < columns.end; ++s) {
      const auto v = load_floats<W>(x + g.x_at(at.image, top + r, left + s, at.channel));
      const auto code = static_cast<std::uint8_t>(r * g.columns.size + s);
      for (int l = 0; l < W; ++l) {
        if (v[l] <= best[l] || best[l] != best[l]) continue;  // not above, or a NaN has won
        best[l] = v[l];
        place[l] = code;
      }
    }
  }
  const int out = g.y_at(at.image, at.row, at.column, at.channel);
  store_floats<W>(y + out, best);
  store_vector<W>(argmax + out, place);
}

template <int W, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    max_pool_gather(PoolGeometry g, std::int64_t items, const T* dy, const std::uint8_t* argmax,
                    T* dx) {
  const std::int64_t item = item_of_thread();
  if (item >= items) return;
  const PoolCell at(item, g.rows.in, g.columns.in, g.c / W, W);
  const Range rows = g.rows.holding(at.row);
  const Range columns = g.columns.holding(at.column);

  Vector<float, W> sum{};
  for (int p = rows.begin; p < rows.end; ++p) {
    for (int q = columns.begin; q < columns.end; ++q) {
      const int window = g.y_at(at.image, p, q, at.channel);
      const auto code =
          (at.row - g.rows.start(p)) * g.columns.size + at.column - g.columns.start(q);
      const auto place = load_vector<W>(argmax + window);
      const auto gradient = load_floats<W>(dy + window);
      for (int l = 0; l < W; ++l) {
        if (place[l] == code) sum[l] += gradient[l];
      }
    }
  }
  store_floats<W>(dx + g.x_at(at.image, at.row, at.column, at.channel), sum);
}

void run_forward(const PoolProblem& p, const MaxPoolForward::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    const auto* x = a.x.as<T>();
    auto* y = a.y.as<T>();
    auto* argmax = a.argmax.as<std::uint8_t>();
    const bool vectors = allow_vectors(x, y) && is_aligned(argmax, kPerAccess<T>);
    by_width<T>(p.c, vectors, [&]<int W>(Width<W>) {
      const std::int64_t items = p.y_shape().elements() / W;
      launch(max_pool_windows<W, T>, launch_for(items), stream, PoolGeometry(p), items, x, y,
             argmax);
    });
  });
}

void run_backward(const PoolProblem& p, const MaxPoolBackward::Args& a, StreamView stream) {
  by_type(a.dy, [&]<class T>(T) {
    const auto* dy = a.dy.as<T>();
    const auto* argmax = a.argmax.as<std::uint8_t>();
    auto* dx = a.dx.as<T>();
    const bool vectors = allow_vectors(dy, dx) && is_aligned(argmax, kPerAccess<T>);
    by_width<T>(p.c, vectors, [&]<int W>(Width<W>) {
      const std::int64_t items = p.x_shape().elements() / W;
      launch(max_pool_gather<W, T>, launch_for(items), stream, PoolGeometry(p), items, dy, argmax,
             dx);
    });
  });
}

}  // namespace

Algorithm<MaxPoolForward> max_pool_forward() {
  return make_algorithm<MaxPoolForward>({.name = "window", .run = run_forward});
}
Algorithm<MaxPoolBackward> max_pool_backward() {
  return make_algorithm<MaxPoolBackward>({.name = "gather", .run = run_backward});
}

}  // namespace fovea::FOVEA_TARGET
