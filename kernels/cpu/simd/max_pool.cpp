// max_pool.cpp - max pooling: a vector of channels at a time.
#include <fovea/kernels/cpu/simd/parts.h>
#include <fovea/kernels/cpu/simd/vec.h>
#include <fovea/kernels/cpu/simd/window.h>
#include <fovea/kernels/cpu/simd/window_sums.h>

namespace fovea::simd {
namespace {

struct MaxForwardLoop {
  // The winner among a window's cells, for the channels at x of the image's first cell.
  template <class V, class T>
  static void pixel(const PoolProblem& p, const Window& rows, const Window& columns, const T* x,
                    T* y, std::uint8_t* argmax) {
    using Floats = typename V::Floats;
    using Ints = typename V::Ints;
    const std::int64_t row_stride = std::int64_t{p.w} * p.c;
    Floats best = load<V>(x + rows.begin * row_stride + std::int64_t{columns.begin} * p.c);
    Ints place = Ints{} + ((rows.begin - rows.start) * p.s + columns.begin - columns.start);
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int column = columns.begin; column < columns.end; ++column) {
        const Floats v = load<V>(x + row * row_stride + std::int64_t{column} * p.c);
        const Ints here = Ints{} + ((row - rows.start) * p.s + column - columns.start);
        // Larger, or the first NaN; never past a NaN.
        const Floats unless_nan = best == best ? v : best;
        const Ints here_unless_nan = best == best ? here : place;
        place = v <= best ? place : here_unless_nan;
        best = v <= best ? best : unless_nan;
      }
    }
    store<V>(y, best);
    store_bytes<V>(argmax, place);
  }

  // Output rows [begin, end) of the batch.
  template <class Widest, class T>
  static void run(std::int64_t begin, std::int64_t end, const PoolProblem* problem, const T* x,
                  T* y, std::uint8_t* argmax) {
    const PoolProblem& p = *problem;
    const int height = p.p(), width = p.q();
    for (std::int64_t row = begin; row < end; ++row) {
      const Window rows = rows_of(p, static_cast<int>(row % height));
      const T* image = x + row / height * p.h * p.w * p.c;
      for (int j = 0; j < width; ++j) {
        const Window columns = columns_of(p, j);
        const std::int64_t at = (row * width + j) * p.c;
        for_each_vector<Widest>(p.c, [&]<class V>(int c) {
          pixel<V>(p, rows, columns, image + c, y + at + c, argmax + at + c);
        });
      }
    }
  }
};

template <class T>
void max_forward(const PoolProblem& p, const MaxPoolForward::Args& args, Isa isa) {
  const T* x = args.x.as<T>();
  const std::int64_t work = std::int64_t{p.q()} * p.c * p.r * p.s;
  run_vector_parts<MaxForwardLoop>(isa, std::int64_t{p.n} * p.p(), rows_per_grain(work), &p, x,
                                   args.y.as<T>(), args.argmax.as<std::uint8_t>());
}

// dy to the cell that won.
template <class T>
struct Won {
  const T* dy;
  const std::uint8_t* argmax;

  template <class V>
  void pixel(const Cells& cells, std::int64_t at) const {
    using Floats = typename V::Floats;
    using Ints = typename V::Ints;
    const Floats gradient = load<V>(dy + at);
    const Ints place = load_bytes<V>(argmax + at);
    for (int k = 0; k < cells.count; ++k) {
      const Ints here = Ints{} + (cells.place + k);
      float* cell = cells.sums + k * cells.pitch;
      store<V>(cell, load<V>(cell) + (place == here ? gradient : Floats{}));
    }
  }
};

template <class T>
void max_backward(const PoolProblem& p, const MaxPoolBackward::Args& args, Isa isa) {
  const Won<T> won{args.dy.as<T>(), args.argmax.as<std::uint8_t>()};
  sum_windows(p, isa, won, args.dx.as<T>());
}

}  // namespace

void add_max_pool(Registry& registry, Isa isa) {
  add_loops<MaxPoolForward>(registry, isa, &MaxPoolForward::Args::y, max_forward<float>,
                            max_forward<bf16>);
  add_loops<MaxPoolBackward>(registry, isa, &MaxPoolBackward::Args::dx, max_backward<float>,
                             max_backward<bf16>);
}

}  // namespace fovea::simd
