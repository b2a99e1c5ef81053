// average_pool.cpp - average pooling: a vector of channels at a time.
#include <fovea/kernels/cpu/simd/parts.h>
#include <fovea/kernels/cpu/simd/vec.h>
#include <fovea/kernels/cpu/simd/window.h>

#include <algorithm>

namespace fovea::simd {
namespace {

struct AverageForwardLoop {
  template <int kLanes>
  static void pixel(const PoolProblem& p, const Window& rows, const Window& columns, const float* x,
                    float* y) {
    using V = Vec<kLanes>;
    typename V::Floats sum{};
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int column = columns.begin; column < columns.end; ++column) {
        sum += V::load(x + (std::int64_t{row} * p.w + column) * p.c);
      }
    }
    V::store(y, sum / V::all(divisor(p, rows, columns)));
  }

  template <int kLanes>
  static void output_rows(std::int64_t begin, std::int64_t end, const PoolProblem& p,
                          const float* x, float* y) {
    const int height = p.p(), width = p.q();
    for (std::int64_t row = begin; row < end; ++row) {
      const Window rows = rows_of(p, static_cast<int>(row % height));
      const float* image = x + row / height * p.h * p.w * p.c;
      for (int j = 0; j < width; ++j) {
        const Window columns = columns_of(p, j);
        float* out = y + (row * width + j) * p.c;
        for_each_vector<kLanes>(
            p.c, [&](int c) { pixel<kLanes>(p, rows, columns, image + c, out + c); });
      }
    }
  }

  template <int kLanes>
  static void run(std::int64_t begin, std::int64_t end, const PoolProblem* p, const float* x,
                  float* y) {
    if (p->c >= kLanes) {
      output_rows<kLanes>(begin, end, *p, x, y);
    } else if (p->c >= 4) {
      output_rows<4>(begin, end, *p, x, y);
    } else {
      output_rows<1>(begin, end, *p, x, y);
    }
  }
};

void average_forward(const PoolProblem& p, const AvgPoolForward::Args& args, Isa isa) {
  const float* x = args.x.as<float>();
  const std::int64_t work = std::int64_t{p.q()} * p.c * p.r * p.s;
  run_parts<AverageForwardLoop>(isa, std::int64_t{p.n} * p.p(), rows_per_grain(work), &p, x,
                                args.y.as<float>());
}

struct AverageBackwardLoop {
  template <int kLanes>
  static void pixel(const PoolProblem& p, const Window& rows, const Window& columns,
                    const float* dy, float* dx) {
    using V = Vec<kLanes>;
    const auto share = V::load(dy) / V::all(divisor(p, rows, columns));
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int column = columns.begin; column < columns.end; ++column) {
        float* cell = dx + (std::int64_t{row} * p.w + column) * p.c;
        V::store(cell, V::load(cell) + share);
      }
    }
  }

  // Images [begin, end): windows of one image overlap, those of two do not.
  template <int kLanes>
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
          int c = 0;
          for (; c + kLanes <= p.c; c += kLanes)
            pixel<kLanes>(p, rows, columns, out + c, image + c);
          for (; c + 4 <= p.c; c += 4) pixel<4>(p, rows, columns, out + c, image + c);
          for (; c < p.c; ++c) pixel<1>(p, rows, columns, out + c, image + c);
        }
      }
    }
  }
};

void average_backward(const PoolProblem& p, const AvgPoolBackward::Args& args, Isa isa) {
  const float* dy = args.dy.as<float>();
  run_parts<AverageBackwardLoop>(isa, p.n, 1, &p, dy, args.dx.as<float>());
}

}  // namespace

void add_average_pool(Registry& registry, Isa isa) {
  add_loops<AvgPoolForward>(registry, isa, average_forward);
  add_loops<AvgPoolBackward>(registry, isa, average_backward);
}

}  // namespace fovea::simd
