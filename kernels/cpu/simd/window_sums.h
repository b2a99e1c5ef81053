// window_sums.h - gradients of pooling: a cell's is the sum of what the windows that hold it hand
// over, in fp32 and in the order of the windows, rounded once.
//
// Part  -> some consecutive cells of a row of dx, with all their channels: what as floats fits into
//          the first-level cache. A window over the border of two parts is read for both.
#pragma once

#include <fovea/kernels/cpu/simd/dispatch.h>
#include <fovea/kernels/cpu/simd/vec.h>
#include <fovea/kernels/cpu/simd/window.h>

#include <algorithm>

namespace fovea::simd {

constexpr int kSums = 4096;  // floats

/// The cells of a window that lie in a part: `count`, from its cell number `place` on.
struct Cells {
  float* sums;  // of the first, `pitch` floats before those of the next
  int count, pitch, place;
  float divisor;
};

/// Cells [first, first + cells) of a row of dx, of each the channels [channel, channel + channels).
struct Part {
  int row, first, cells, channel, channels;
};

// The first window along an axis that ends behind a cell of the padded axis.
inline int first_over(int cell, int stride, int size) {
  return cell < size ? 0 : (cell - size) / stride + 1;
}

/// `source.pixel<V>(cells, at)` adds to `cells` what a window hands over, read at the gradient's
/// element `at`.
struct WindowSumsLoop {
  // Of the windows of an image whose gradient begins at element `image`.
  template <class Widest, class Source>
  static void sum(const PoolProblem& p, const Part& part, const Source& source, std::int64_t image,
                  float* sums) {
    const int width = p.q(), last = part.first + part.cells - 1;
    const int last_row = std::min(p.p() - 1, (part.row + p.ph.begin) / p.u);
    const int last_column = std::min(width - 1, (last + p.pw.begin) / p.v);
    for (int i = first_over(part.row + p.ph.begin, p.u, p.r); i <= last_row; ++i) {
      const Window rows = rows_of(p, i);
      for (int j = first_over(part.first + p.pw.begin, p.v, p.s); j <= last_column; ++j) {
        const Window columns = columns_of(p, j);
        const int begin = std::max(part.first, columns.begin);
        const int count = std::min(last + 1, columns.end) - begin;
        const int place = (part.row - rows.start) * p.s + begin - columns.start;
        const float cells = divisor(p, rows, columns);
        float* to = sums + (begin - part.first) * part.channels;
        const std::int64_t at = image + (std::int64_t{i} * width + j) * p.c + part.channel;
        for_each_vector<Widest>(part.channels, [&]<class V>(int c) {
          source.template pixel<V>({to + c, count, part.channels, place, cells}, at + c);
        });
      }
    }
  }

  // Rows [begin, end) of all images of dx.
  template <class Widest, class Source, class T>
  static void run(std::int64_t begin, std::int64_t end, const PoolProblem* problem, Source source,
                  T* dx) {
    const PoolProblem& p = *problem;
    const int channels = std::min(p.c, kSums), cells = kSums / channels;
    float sums[kSums];
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t image = row / p.h * p.p() * p.q() * p.c;
      const int in_image = static_cast<int>(row % p.h);
      for (int j = 0; j < p.w; j += cells) {
        for (int c = 0; c < p.c; c += channels) {  // once, but where a part is of one cell
          const Part part{in_image, j, std::min(cells, p.w - j), c, std::min(channels, p.c - c)};
          const int count = part.cells * part.channels;
          std::fill_n(sums, count, 0.0F);
          sum<Widest>(p, part, source, image, sums);
          T* out = dx + (row * p.w + j) * p.c + c;
          for_each_vector<Widest>(count,
                                  [&]<class V>(int i) { store<V>(out + i, load<V>(sums + i)); });
        }
      }
    }
  }
};

/// dx of all windows.
template <class Source, class T>
void sum_windows(const PoolProblem& p, Isa isa, const Source& source, T* dx) {
  const std::int64_t work = std::int64_t{p.w} * p.c;
  run_vector_parts<WindowSumsLoop>(isa, std::int64_t{p.n} * p.h, rows_per_grain(work), &p, source,
                                   dx);
}

}  // namespace fovea::simd
