// pool.cpp - max and average pooling by their definitions (pool.h).
#include <fovea/kernels/cpu/reference/parts.h>

#include <algorithm>
#include <cmath>

namespace fovea::reference {
namespace {

// A window along one axis, cut to the plane: cells [begin, end); `start` is where it would begin.
struct Span {
  int start = 0, begin = 0, end = 0;
  int padded = 0;  // its cells in the padded plane
};

Span window(int out, int stride, Padding pad, int size, int extent) {
  const int start = out * stride - pad.begin;
  return {start, std::max(0, start), std::min(extent, start + size),
          std::min(start + size, extent + pad.end) - start};
}
Span rows_of(const PoolProblem& p, int i) { return window(i, p.u, p.ph, p.r, p.h); }
Span columns_of(const PoolProblem& p, int j) { return window(j, p.v, p.pw, p.s, p.w); }

// Outputs [first, last] whose windows hold a cell of the plane.
struct Cover {
  int first = 0, last = 0;
};
Cover covering(int cell, int stride, Padding pad, int size, int outputs) {
  const int at = cell + pad.begin;
  const int first = at < size ? 0 : (at - size) / stride + 1;
  return {first, std::min(outputs - 1, at / stride)};
}
Cover rows_covering(const PoolProblem& p, int y) { return covering(y, p.u, p.ph, p.r, p.p()); }
Cover columns_covering(const PoolProblem& p, int x) { return covering(x, p.v, p.pw, p.s, p.q()); }

// The window's cells that average pooling divides by.
int divisor(const PoolProblem& p, const Span& rows, const Span& columns) {
  return p.count_padding ? rows.padded * columns.padded
                         : (rows.end - rows.begin) * (columns.end - columns.begin);
}

// f(n, i, j, index of the pixel) for every output pixel.
template <class F>
void for_each_output(const PoolProblem& p, const F& f) {
  const int rows = p.p(), columns = p.q();
  parallel(std::int64_t{p.n} * rows * columns, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      f(pixel / columns / rows, static_cast<int>(pixel / columns % rows),
        static_cast<int>(pixel % columns), pixel);
    }
  });
}

// f(n, y, x, index of the cell) for every cell of the plane.
template <class F>
void for_each_input(const PoolProblem& p, const F& f) {
  parallel(std::int64_t{p.n} * p.h * p.w, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t cell = begin; cell < end; ++cell) {
      f(cell / p.w / p.h, static_cast<int>(cell / p.w % p.h), static_cast<int>(cell % p.w), cell);
    }
  });
}

}  // namespace

void max_pool_forward(const PoolProblem& p, const MaxPoolForward::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  float* y = floats.out(args.y);
  std::uint8_t* argmax = args.argmax.as<std::uint8_t>();
  for_each_output(p, [&](std::int64_t n, int i, int j, std::int64_t pixel) {
    const Span rows = rows_of(p, i), columns = columns_of(p, j);
    for (int c = 0; c < p.c; ++c) {
      bool found = false;
      float best = 0;
      int place = 0;
      for (int row = rows.begin; row < rows.end; ++row) {
        for (int column = columns.begin; column < columns.end; ++column) {
          const float v = x[((n * p.h + row) * p.w + column) * p.c + c];
          if (found && !(v > best) && !(std::isnan(v) && !std::isnan(best))) continue;
          found = true;
          best = v;
          place = (row - rows.start) * p.s + (column - columns.start);
        }
      }
      y[pixel * p.c + c] = best;
      argmax[pixel * p.c + c] = static_cast<std::uint8_t>(place);
    }
  });
}

void max_pool_backward(const PoolProblem& p, const MaxPoolBackward::Args& args, Floats& floats) {
  const float* dy = floats.in(args.dy);
  const std::uint8_t* argmax = args.argmax.as<std::uint8_t>();
  float* dx = floats.out(args.dx);
  for_each_input(p, [&](std::int64_t n, int y, int x, std::int64_t cell) {
    const Cover rows = rows_covering(p, y), columns = columns_covering(p, x);
    for (int c = 0; c < p.c; ++c) {
      double sum = 0;
      for (int i = rows.first; i <= rows.last; ++i) {
        for (int j = columns.first; j <= columns.last; ++j) {
          const std::int64_t at = ((n * p.p() + i) * p.q() + j) * p.c + c;
          const int place = (y - rows_of(p, i).start) * p.s + (x - columns_of(p, j).start);
          if (argmax[at] == place) sum += dy[at];
        }
      }
      dx[cell * p.c + c] = static_cast<float>(sum);
    }
  });
}

namespace {

void average_forward(const PoolProblem& p, const AvgPoolForward::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  float* y = floats.out(args.y);
  for_each_output(p, [&](std::int64_t n, int i, int j, std::int64_t pixel) {
    const Span rows = rows_of(p, i), columns = columns_of(p, j);
    for (int c = 0; c < p.c; ++c) {
      double sum = 0;
      for (int row = rows.begin; row < rows.end; ++row) {
        for (int column = columns.begin; column < columns.end; ++column) {
          sum += x[((n * p.h + row) * p.w + column) * p.c + c];
        }
      }
      y[pixel * p.c + c] = static_cast<float>(sum / divisor(p, rows, columns));
    }
  });
}

void average_backward(const PoolProblem& p, const AvgPoolBackward::Args& args, Floats& floats) {
  const float* dy = floats.in(args.dy);
  float* dx = floats.out(args.dx);
  for_each_input(p, [&](std::int64_t n, int y, int x, std::int64_t cell) {
    const Cover rows = rows_covering(p, y), columns = columns_covering(p, x);
    for (int c = 0; c < p.c; ++c) {
      double sum = 0;
      for (int i = rows.first; i <= rows.last; ++i) {
        for (int j = columns.first; j <= columns.last; ++j) {
          sum += double{dy[((n * p.p() + i) * p.q() + j) * p.c + c]} /
                 divisor(p, rows_of(p, i), columns_of(p, j));
        }
      }
      dx[cell * p.c + c] = static_cast<float>(sum);
    }
  });
}

}  // namespace

void add_pool(Registry& registry) {
  add_loops<MaxPoolForward>(registry, max_pool_forward);
  add_loops<MaxPoolBackward>(registry, max_pool_backward);
  add_loops<AvgPoolForward>(registry, average_forward);
  add_loops<AvgPoolBackward>(registry, average_backward);
}

}  // namespace fovea::reference
