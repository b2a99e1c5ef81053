// average_pool.cpp - average pooling: a vector of channels at a time, and where these are few, rows
// of pixels at a time as far as that goes.
#include <fovea/kernels/cpu/simd/parts.h>
#include <fovea/kernels/cpu/simd/vec.h>
#include <fovea/kernels/cpu/simd/window.h>
#include <fovea/kernels/cpu/simd/window_sums.h>

#include <algorithm>

namespace fovea::simd {
namespace {

// Whether a row of x is summed over the rows of a window before it is over the columns: few
// channels fill no vector, and a row fits into a buffer.
bool by_rows(const PoolProblem& p) { return p.c < 16 && p.w * p.c <= kSums; }

struct AverageForwardLoop {
  // A row of x as floats: the sum over the rows of a window.
  template <class Widest, class T>
  static void add_rows(const PoolProblem& p, const Window& rows, const T* x, float* sums) {
    const std::int64_t row = std::int64_t{p.w} * p.c;
    std::fill_n(sums, row, 0.0F);
    for (int i = rows.begin; i < rows.end; ++i) {
      for_each_vector<Widest>(static_cast<int>(row), [&]<class V>(int at) {
        store<V>(sums + at, load<V>(sums + at) + load<V>(x + i * row + at));
      });
    }
  }

  template <class V, class T>
  static typename V::Floats total(const PoolProblem& p, const Window& rows, const Window& columns,
                                  const T* x) {
    typename V::Floats sum{};
    for (int row = rows.begin; row < rows.end; ++row) {
      for (int column = columns.begin; column < columns.end; ++column) {
        sum += load<V>(x + (std::int64_t{row} * p.w + column) * p.c);
      }
    }
    return sum;
  }

  // Output rows [begin, end) of the batch.
  template <class Widest, class T>
  static void run(std::int64_t begin, std::int64_t end, const PoolProblem* problem, const T* x,
                  T* y) {
    const PoolProblem& p = *problem;
    const int height = p.p(), width = p.q();
    const bool sum_rows = by_rows(p);
    float sums[kSums];
    for (std::int64_t row = begin; row < end; ++row) {
      const Window rows = rows_of(p, static_cast<int>(row % height));
      const T* image = x + row / height * p.h * p.w * p.c;
      if (sum_rows) add_rows<Widest>(p, rows, image, sums);
      for (int j = 0; j < width; ++j) {
        const Window columns = columns_of(p, j);
        const float cells = divisor(p, rows, columns);
        T* out = y + (row * width + j) * p.c;
        for_each_vector<Widest>(p.c, [&]<class V>(int c) {
          const auto sum = sum_rows ? total<V>(p, {0, 0, 1, 1}, columns, sums + c)
                                    : total<V>(p, rows, columns, image + c);
          store<V>(out + c, sum / cells);
        });
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

// Where no two windows share a cell nothing is summed: rows of dx that one row of windows covers
// are the same.
struct SpreadLoop {
  template <class Widest, class T>
  static void spread(const PoolProblem& p, int i, const T* dy, T* dx) {
    const Window rows = rows_of(p, i);
    std::fill_n(dx, std::int64_t{p.w} * p.c, T{});
    for (int j = 0; j < p.q(); ++j) {
      const Window columns = columns_of(p, j);
      const float cells = divisor(p, rows, columns);
      for_each_vector<Widest>(p.c, [&]<class V>(int c) {
        const typename V::Floats share = load<V>(dy + j * p.c + c) / cells;
        for (int k = columns.begin; k < columns.end; ++k) store<V>(dx + k * p.c + c, share);
      });
    }
  }

  // Rows [begin, end) of all images of dx.
  template <class Widest, class T>
  static void run(std::int64_t begin, std::int64_t end, const PoolProblem* problem, const T* dy,
                  T* dx) {
    const PoolProblem& p = *problem;
    const std::int64_t width = std::int64_t{p.w} * p.c, below = std::int64_t{p.q()} * p.c;
    const int height = p.p();
    for (std::int64_t row = begin; row < end; ++row) {
      const int padded = static_cast<int>(row % p.h) + p.ph.begin;
      const int i = padded / p.u, place = padded % p.u;
      T* const to = dx + row * width;
      if (place >= p.r || i >= height) {
        std::fill_n(to, width, T{});
      } else if (place > 0 && row % p.h > 0 && row > begin) {
        std::copy_n(to - width, width, to);
      } else {
        spread<Widest>(p, i, dy + (row / p.h * height + i) * below, to);
      }
    }
  }
};

template <class T>
void average_backward(const PoolProblem& p, const AvgPoolBackward::Args& args, Isa isa) {
  const T* dy = args.dy.as<T>();
  T* dx = args.dx.as<T>();
  if (!disjoint(p)) return sum_windows(p, isa, Shares<T>{dy}, dx);
  const std::int64_t work = std::int64_t{p.w} * p.c;
  run_vector_parts<SpreadLoop>(isa, std::int64_t{p.n} * p.h, rows_per_grain(work), &p, dy, dx);
}

}  // namespace

void add_average_pool(Registry& registry, Isa isa) {
  add_loops<AvgPoolForward>(registry, isa, &AvgPoolForward::Args::y, average_forward<float>,
                            average_forward<bf16>);
  add_loops<AvgPoolBackward>(registry, isa, &AvgPoolBackward::Args::dx, average_backward<float>,
                             average_backward<bf16>);
}

}  // namespace fovea::simd
