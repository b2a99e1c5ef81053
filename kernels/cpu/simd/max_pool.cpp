// max_pool.cpp - max pooling: a vector of channels at a time.
#include <fovea/kernels/cpu/simd/parts.h>
#include <fovea/kernels/cpu/simd/vec.h>
#include <fovea/kernels/cpu/simd/window.h>

#include <algorithm>

namespace fovea::simd {
namespace {

struct MaxForwardLoop {
  // The winner among a window's cells for the kLanes channels that x points to in image row 0.
  template <int kLanes>
  static void pixel(const PoolProblem& p, const Window& rows, const Window& columns, const float* x,
                    float* y, std::uint8_t* argmax) {
    using V = Vec<kLanes>;
    const std::int64_t row_stride = std::int64_t{p.w} * p.c;
    typename V::Floats best =
        V::load(x + rows.begin * row_stride + std::int64_t{columns.begin} * p.c);
    const int first = (rows.begin - rows.start) * p.s + columns.begin - columns.start;
    typename V::Ints place = typename V::Ints{} + first;
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int column = columns.begin; column < columns.end; ++column) {
        const auto v = V::load(x + row * row_stride + std::int64_t{column} * p.c);
        const int here = (row - rows.start) * p.s + column - columns.start;
        // Larger, or the first NaN; never past a NaN.
        const auto wins = (!(v <= best)) & (best == best);
        best = wins ? v : best;
        place = wins ? typename V::Ints{} + here : place;
      }
    }
    V::store(y, best);
    V::store_bytes(argmax, place);
  }

  template <int kLanes>
  static void output_rows(std::int64_t begin, std::int64_t end, const PoolProblem& p,
                          const float* x, float* y, std::uint8_t* argmax) {
    const int height = p.p(), width = p.q();
    for (std::int64_t row = begin; row < end; ++row) {
      const Window rows = rows_of(p, static_cast<int>(row % height));
      const float* image = x + row / height * p.h * p.w * p.c;
      for (int j = 0; j < width; ++j) {
        const Window columns = columns_of(p, j);
        const std::int64_t at = (row * width + j) * p.c;
        for_each_vector<kLanes>(p.c, [&](int c) {
          pixel<kLanes>(p, rows, columns, image + c, y + at + c, argmax + at + c);
        });
      }
    }
  }

  template <int kLanes>
  static void run(std::int64_t begin, std::int64_t end, const PoolProblem* p, const float* x,
                  float* y, std::uint8_t* argmax) {
    if (p->c >= kLanes) {
      output_rows<kLanes>(begin, end, *p, x, y, argmax);
    } else if (p->c >= 4) {
      output_rows<4>(begin, end, *p, x, y, argmax);
    } else {
      output_rows<1>(begin, end, *p, x, y, argmax);
    }
  }
};

void max_forward(const PoolProblem& p, const MaxPoolForward::Args& args, Isa isa) {
  const float* x = args.x.as<float>();
  const std::int64_t work = std::int64_t{p.q()} * p.c * p.r * p.s;
  run_parts<MaxForwardLoop>(isa, std::int64_t{p.n} * p.p(), rows_per_grain(work), &p, x,
                            args.y.as<float>(), args.argmax.as<std::uint8_t>());
}

struct MaxBackwardLoop {
  // Hands dy of kLanes channels of one output to the cells that won it.
  template <int kLanes>
  static void pixel(const PoolProblem& p, const Window& rows, const Window& columns,
                    const float* dy, const std::uint8_t* argmax, float* dx) {
    using V = Vec<kLanes>;
    const auto gradient = V::load(dy);
    const auto place = V::load_bytes(argmax);
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int column = columns.begin; column < columns.end; ++column) {
        const int here = (row - rows.start) * p.s + column - columns.start;
        float* cell = dx + (std::int64_t{row} * p.w + column) * p.c;
        V::store(cell, V::load(cell) + (place == here ? gradient : V::all(0)));
      }
    }
  }

  // Images [begin, end): windows of one image overlap, those of two do not.
  template <int kLanes>
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
          int c = 0;
          for (; c + kLanes <= p.c; c += kLanes) {
            pixel<kLanes>(p, rows, columns, dy + at + c, argmax + at + c, image + c);
          }
          for (; c + 4 <= p.c; c += 4) {
            pixel<4>(p, rows, columns, dy + at + c, argmax + at + c, image + c);
          }
          for (; c < p.c; ++c) {
            pixel<1>(p, rows, columns, dy + at + c, argmax + at + c, image + c);
          }
        }
      }
    }
  }
};

void max_backward(const PoolProblem& p, const MaxPoolBackward::Args& args, Isa isa) {
  const float* dy = args.dy.as<float>();
  const std::uint8_t* argmax = args.argmax.as<std::uint8_t>();
  run_parts<MaxBackwardLoop>(isa, p.n, 1, &p, dy, argmax, args.dx.as<float>());
}

}  // namespace

void add_max_pool(Registry& registry, Isa isa) {
  add_loops<MaxPoolForward>(registry, isa, max_forward);
  add_loops<MaxPoolBackward>(registry, isa, max_backward);
}

}  // namespace fovea::simd
