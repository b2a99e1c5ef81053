// max_pool.cpp - max pooling: a vector of channels at a time.
#include <fovea/kernels/cpu/simd/parts.h>
#include <fovea/kernels/cpu/simd/vec.h>
#include <fovea/kernels/cpu/simd/window.h>

#include <algorithm>

namespace fovea::simd {
namespace {

struct MaxForwardLoop {
  // The winner among a window's cells, for the channels at x of the image's first cell.
  template <class V>
  static void pixel(const PoolProblem& p, const Window& rows, const Window& columns, const float* x,
                    float* y, std::uint8_t* argmax) {
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
  template <class Widest>
  static void run(std::int64_t begin, std::int64_t end, const PoolProblem* problem, const float* x,
                  float* y, std::uint8_t* argmax) {
    const PoolProblem& p = *problem;
    const int height = p.p(), width = p.q();
    for (std::int64_t row = begin; row < end; ++row) {
      const Window rows = rows_of(p, static_cast<int>(row % height));
      const float* image = x + row / height * p.h * p.w * p.c;
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

void max_forward(const PoolProblem& p, const MaxPoolForward::Args& args, Isa isa) {
  const float* x = args.x.as<float>();
  const std::int64_t work = std::int64_t{p.q()} * p.c * p.r * p.s;
  run_vector_parts<MaxForwardLoop>(isa, std::int64_t{p.n} * p.p(), rows_per_grain(work), &p, x,
                                   args.y.as<float>(), args.argmax.as<std::uint8_t>());
}

struct MaxBackwardLoop {
  // Hands dy of one output to the cells that won it.
  template <class V>
  static void pixel(const PoolProblem& p, const Window& rows, const Window& columns,
                    const float* dy, const std::uint8_t* argmax, float* dx) {
    using Floats = typename V::Floats;
    using Ints = typename V::Ints;
    const Floats gradient = load<V>(dy);
    const Ints place = load_bytes<V>(argmax);
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int column = columns.begin; column < columns.end; ++column) {
        const Ints here = Ints{} + ((row - rows.start) * p.s + column - columns.start);
        float* cell = dx + (std::int64_t{row} * p.w + column) * p.c;
        store<V>(cell, load<V>(cell) + (place == here ? gradient : Floats{}));
      }
    }
  }

  // Images [begin, end): windows of one image overlap, those of two do not.
  template <class Widest>
  static void run(std::int64_t begin, std::int64_t end, const PoolProblem* problem, const float* dy,
                  const std::uint8_t* argmax, float* dx) {
    const PoolProblem& p = *problem;
    const int height = p.p(), width = p.q();
    for (std::int64_t n = begin; n < end; ++n) {
      float* image = dx + n * p.h * p.w * p.c;
      std::fill_n(image, std::int64_t{p.h} * p.w * p.c, 0.0F);
      for (int i = 0; i < height; ++i) {
        const Window rows = rows_of(p, i);
        for (int j = 0; j < width; ++j) {
          const Window columns = columns_of(p, j);
          const std::int64_t at = ((n * height + i) * width + j) * p.c;
          for_each_vector<Widest>(p.c, [&]<class V>(int c) {
            pixel<V>(p, rows, columns, dy + at + c, argmax + at + c, image + c);
          });
        }
      }
    }
  }
};

void max_backward(const PoolProblem& p, const MaxPoolBackward::Args& args, Isa isa) {
  const float* dy = args.dy.as<float>();
  const std::uint8_t* argmax = args.argmax.as<std::uint8_t>();
  run_vector_parts<MaxBackwardLoop>(isa, p.n, 1, &p, dy, argmax, args.dx.as<float>());
}

}  // namespace

void add_max_pool(Registry& registry, Isa isa) {
  add_loops<MaxPoolForward>(registry, isa, max_forward);
  add_loops<MaxPoolBackward>(registry, isa, max_backward);
}

}  // namespace fovea::simd
