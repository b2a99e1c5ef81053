// average_pool.cpp - average pooling: a vector of channels at a time.
#include <fovea/kernels/cpu/simd/parts.h>
#include <fovea/kernels/cpu/simd/vec.h>
#include <fovea/kernels/cpu/simd/window.h>
#include <fovea/kernels/cpu/simd/window_sums.h>

namespace fovea::simd {
namespace {

struct AverageForwardLoop {
  template <class V, class T>
  static void pixel(const PoolProblem& p, const Window& rows, const Window& columns, const T* x,
                    T* y) {
    typename V::Floats sum{};
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int column = columns.begin; column < columns.end; ++column) {
        sum += load<V>(x + (std::int64_t{row} * p.w + column) * p.c);
      }
    }
    store<V>(y, sum / divisor(p, rows, columns));
  }

  // Output rows [begin, end) of the batch.
  template <class Widest, class T>
  static void run(std::int64_t begin, std::int64_t end, const PoolProblem* problem, const T* x,
                  T* y) {
    const PoolProblem& p = *problem;
    const int height = p.p(), width = p.q();
    for (std::int64_t row = begin; row < end; ++row) {
      const Window rows = rows_of(p, static_cast<int>(row % height));
      const T* image = x + row / height * p.h * p.w * p.c;
      for (int j = 0; j < width; ++j) {
        const Window columns = columns_of(p, j);
        T* out = y + (row * width + j) * p.c;
        for_each_vector<Widest>(
            p.c, [&]<class V>(int c) { pixel<V>(p, rows, columns, image + c, out + c); });
      }
    }
  }
};

template <class T>
void average_forward(const PoolProblem& p, const AvgPoolForward::Args& args, Isa isa) {
  const T* x = args.x.as<T>();
  const std::int64_t work = std::int64_t{p.q()} * p.c * p.r * p.s;
  run_vector_parts<AverageForwardLoop>(isa, std::int64_t{p.n} * p.p(), rows_per_grain(work), &p, x,
                                       args.y.as<T>());
}

// An equal share of dy to each cell.
template <class T>
struct Shares {
  const T* dy;

  template <class V>
  void pixel(const Cells& cells, std::int64_t at) const {
    const typename V::Floats share = load<V>(dy + at) / cells.divisor;
    for (int k = 0; k < cells.count; ++k) {
      float* cell = cells.sums + k * cells.pitch;
      store<V>(cell, load<V>(cell) + share);
    }
  }
};

template <class T>
void average_backward(const PoolProblem& p, const AvgPoolBackward::Args& args, Isa isa) {
  sum_windows(p, isa, Shares<T>{args.dy.as<T>()}, args.dx.as<T>());
}

}  // namespace

void add_average_pool(Registry& registry, Isa isa) {
  add_loops<AvgPoolForward>(registry, isa, &AvgPoolForward::Args::y, average_forward<float>,
                            average_forward<bf16>);
  add_loops<AvgPoolBackward>(registry, isa, &AvgPoolBackward::Args::dx, average_backward<float>,
                             average_backward<bf16>);
}

}  // namespace fovea::simd
