// average_pool.cpp - average pooling: a vector of channels at a time.
#include <fovea/kernels/cpu/simd/parts.h>
#include <fovea/kernels/cpu/simd/vec.h>
#include <fovea/kernels/cpu/simd/window.h>

#include <algorithm>

namespace fovea::simd {
namespace {

struct AverageForwardLoop {
  template <class V>
  static void pixel(const PoolProblem& p, const Window& rows, const Window& columns, const float* x,
                    float* y) {
    typename V::Floats sum{};
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int column = columns.begin; column < columns.end; ++column) {
        sum += load<V>(x + (std::int64_t{row} * p.w + column) * p.c);
      }
    }
    store<V>(y, sum / divisor(p, rows, columns));
  }

  // Output rows [begin, end) of the batch.
  template <class Widest>
  static void run(std::int64_t begin, std::int64_t end, const PoolProblem* problem, const float* x,
                  float* y) {
    const PoolProblem& p = *problem;
    const int height = p.p(), width = p.q();
    for (std::int64_t row = begin; row < end; ++row) {
      const Window rows = rows_of(p, static_cast<int>(row % height));
      const float* image = x + row / height * p.h * p.w * p.c;
      for (int j = 0; j < width; ++j) {
        const Window columns = columns_of(p, j);
        float* out = y + (row * width + j) * p.c;
        for_each_vector<Widest>(
            p.c, [&]<class V>(int c) { pixel<V>(p, rows, columns, image + c, out + c); });
      }
    }
  }
};

void average_forward(const PoolProblem& p, const AvgPoolForward::Args& args, Isa isa) {
  const float* x = args.x.as<float>();
  const std::int64_t work = std::int64_t{p.q()} * p.c * p.r * p.s;
  run_vector_parts<AverageForwardLoop>(isa, std::int64_t{p.n} * p.p(), rows_per_grain(work), &p, x,
                                       args.y.as<float>());
}

struct AverageBackwardLoop {
  template <class V>
  static void pixel(const PoolProblem& p, const Window& rows, const Window& columns,
                    const float* dy, float* dx) {
    const typename V::Floats share = load<V>(dy) / divisor(p, rows, columns);
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int column = columns.begin; column < columns.end; ++column) {
        float* cell = dx + (std::int64_t{row} * p.w + column) * p.c;
        store<V>(cell, load<V>(cell) + share);
      }
    }
  }

  // Images [begin, end): windows of one image overlap, those of two do not.
  template <class Widest>
  static void run(std::int64_t begin, std::int64_t end, const PoolProblem* problem, const float* dy,
                  float* dx) {
    const PoolProblem& p = *problem;
    const int height = p.p(), width = p.q();
    for (std::int64_t n = begin; n < end; ++n) {
      float* image = dx + n * p.h * p.w * p.c;
      std::fill_n(image, std::int64_t{p.h} * p.w * p.c, 0.0F);
      for (int i = 0; i < height; ++i) {
        const Window rows = rows_of(p, i);
        for (int j = 0; j < width; ++j) {
          const Window columns = columns_of(p, j);
          const float* out = dy + ((n * height + i) * width + j) * p.c;
          for_each_vector<Widest>(
              p.c, [&]<class V>(int c) { pixel<V>(p, rows, columns, out + c, image + c); });
        }
      }
    }
  }
};

void average_backward(const PoolProblem& p, const AvgPoolBackward::Args& args, Isa isa) {
  const float* dy = args.dy.as<float>();
  run_vector_parts<AverageBackwardLoop>(isa, p.n, 1, &p, dy, args.dx.as<float>());
}

}  // namespace

void add_average_pool(Registry& registry, Isa isa) {
  add_loops<AvgPoolForward>(registry, isa, average_forward);
  add_loops<AvgPoolBackward>(registry, isa, average_backward);
}

}  // namespace fovea::simd
