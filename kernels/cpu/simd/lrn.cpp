// lrn.cpp - local response normalisation across channels.
//
// Tile   -> as many rows (the channels of a group at a pixel) as fit into the first-level cache,
// each
//           followed by size / 2 zeros: a window never reaches a neighbour's channels, so that sums
//           over windows run flat over the tile, whatever the number of channels.
// Powers -> d^-3/4 from reciprocal square roots by Newton's steps (math.h); 1/2 and 1 likewise;
//           other exponents by the C library, slowly.
#include <fovea/kernels/cpu/simd/math.h>
#include <fovea/kernels/cpu/simd/parts.h>

#include <algorithm>
#include <cmath>

namespace fovea::simd {
namespace {

constexpr int kTile = 2048;  // floats

// What the loops need of a problem: n*h*w*groups rows of `width` channels.
struct Rows {
  int width, half;
  float k, scale, beta;
  int stride() const { return width + half; }
  int per_tile() const { return std::max(1, (kTile - half) / stride()); }
};

Rows rows_of(const LrnProblem& p) { return {p.c / p.groups, p.size / 2, p.k, p.scale(), p.beta}; }

struct Powers {
  float beta, beta_1;  // d^-beta, d^(-beta - 1)
};
struct ThreeQuarters {
  static Powers of(float d, float) {
    const float s = rsqrt(d);
    const float p = s * rsqrt(d * s);
    return {p, p * (s * s)};
  }
};
struct Half {
  static Powers of(float d, float) {
    const float s = rsqrt(d);
    return {s, s * (s * s)};
  }
};
struct One {
  static Powers of(float d, float) {
    const float r = 1.0F / d;
    return {r, r * r};
  }
};
struct Any {
  static Powers of(float d, float beta) {
    const float p = std::pow(d, -beta);
    return {p, p / d};
  }
};

// sum[t] = in[t - half] + ... + in[t + half], for t in [0, count).
inline void window_sums(const float* in, int half, int count, float* sum) {
  if (half == 2) {  // the common size: one pass
    for (int t = 0; t < count; ++t) {
      sum[t] = in[t - 2] + in[t - 1] + in[t] + in[t + 1] + in[t + 2];
    }
    return;
  }
  std::copy_n(in - half, count, sum);
  for (int o = 1 - half; o <= half; ++o) {
    for (int t = 0; t < count; ++t) sum[t] += in[t + o];
  }
}

constexpr int kBuffer = kTile + kTile / 2;  // a tile and the zeros around it

// A tile with zeros before its first row.
struct Padded {
  float zeros_and_rows[kBuffer];
  float* rows(int half) {
    std::fill_n(zeros_and_rows, half, 0.0F);
    return zeros_and_rows + half;
  }
};

// to[row][c] = f(index of the element); zeros after each row, and as many after the last again.
template <class F>
void fill_rows(const Rows& r, std::int64_t rows, float* to, const F& f) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float* out = to + row * r.stride();
    for (int c = 0; c < r.width; ++c) out[c] = f(row * r.width + c);
    for (int c = r.width; c < r.stride(); ++c) out[c] = 0.0F;
  }
  std::fill_n(to + rows * r.stride(), r.half, 0.0F);
}

template <class Power>
struct ForwardLoop {
  static void tile(const Rows& r, std::int64_t rows, const float* x, float* y) {
    Padded squares;
    float d[kBuffer];
    const int count = static_cast<int>(rows) * r.stride();
    float* square = squares.rows(r.half);
    fill_rows(r, rows, square, [&](std::int64_t i) { return x[i] * x[i]; });
    window_sums(square, r.half, count, d);
    for (int t = 0; t < count; ++t) d[t] = Power::of(r.k + r.scale * d[t], r.beta).beta;
    for (std::int64_t row = 0; row < rows; ++row) {
      const float* factor = d + row * r.stride();
#pragma GCC ivdep
      for (int c = 0; c < r.width; ++c) y[row * r.width + c] = x[row * r.width + c] * factor[c];
    }
  }

  template <int>
  static void run(std::int64_t begin, std::int64_t end, Rows r, const float* x, float* y) {
    for (std::int64_t row = begin; row < end; row += r.per_tile()) {
      const std::int64_t rows = std::min<std::int64_t>(r.per_tile(), end - row);
      tile(r, rows, x + row * r.width, y + row * r.width);
    }
  }
};

template <class Power>
struct BackwardLoop {
  static void tile(const Rows& r, std::int64_t rows, const float* x, const float* dy, float* dx) {
    Padded padded;
    float p[kBuffer], q[kBuffer];  // d^-beta, d^(-beta - 1); then the sums over windows
    const int count = static_cast<int>(rows) * r.stride();
    float* in = padded.rows(r.half);
    fill_rows(r, rows, in, [&](std::int64_t i) { return x[i] * x[i]; });
    window_sums(in, r.half, count, p);
    for (int t = 0; t < count; ++t) {
      const Powers power = Power::of(r.k + r.scale * p[t], r.beta);
      p[t] = power.beta;
      q[t] = power.beta_1;
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      float* out = in + row * r.stride();
      const float* factor = q + row * r.stride();
      const std::int64_t at = row * r.width;
#pragma GCC ivdep
      for (int c = 0; c < r.width; ++c) out[c] = dy[at + c] * x[at + c] * factor[c];
    }
    window_sums(in, r.half, count, q);
    const float twice = 2.0F * r.scale * r.beta;
    for (std::int64_t row = 0; row < rows; ++row) {
      const float* power = p + row * r.stride();
      const float* sum = q + row * r.stride();
      const std::int64_t at = row * r.width;
#pragma GCC ivdep
      for (int c = 0; c < r.width; ++c) {
        dx[at + c] = dy[at + c] * power[c] - twice * x[at + c] * sum[c];
      }
    }
  }

  template <int>
  static void run(std::int64_t begin, std::int64_t end, Rows r, const float* x, const float* dy,
                  float* dx) {
    for (std::int64_t row = begin; row < end; row += r.per_tile()) {
      const std::int64_t rows = std::min<std::int64_t>(r.per_tile(), end - row);
      const std::int64_t at = row * r.width;
      tile(r, rows, x + at, dy + at, dx + at);
    }
  }
};

// Loop<Power>::run over all rows, with the power of the problem's beta.
template <template <class> class Loop, class... A>
void run_rows(const LrnProblem& p, Isa isa, A... args) {
  const Rows r = rows_of(p);
  const std::int64_t rows = std::int64_t{p.n} * p.h * p.w * p.groups;
  const std::int64_t grain = std::max<std::int64_t>(r.per_tile(), rows_per_grain(r.width) / 4);
  if (p.beta == 0.75F) {
    run_parts<Loop<ThreeQuarters>>(isa, rows, grain, r, args...);
  } else if (p.beta == 0.5F) {
    run_parts<Loop<Half>>(isa, rows, grain, r, args...);
  } else if (p.beta == 1.0F) {
    run_parts<Loop<One>>(isa, rows, grain, r, args...);
  } else {
    run_parts<Loop<Any>>(isa, rows, grain, r, args...);
  }
}

void forward(const LrnProblem& p, const LrnForward::Args& args, Isa isa) {
  const float* x = args.x.as<float>();
  run_rows<ForwardLoop>(p, isa, x, args.y.as<float>());
}

void backward(const LrnProblem& p, const LrnBackward::Args& args, Isa isa) {
  const float* x = args.x.as<float>();
  const float* dy = args.dy.as<float>();
  run_rows<BackwardLoop>(p, isa, x, dy, args.dx.as<float>());
}

Verdict can_run(const LrnProblem& p, const DeviceInfo&) {
  if (p.within) return Verdict::no("windows within maps");
  if (p.c / p.groups + p.size > kTile) return Verdict::no("a group's channels do not fit a tile");
  return {};
}

}  // namespace

void add_lrn(Registry& registry, Isa isa) {
  add_loops<LrnForward>(registry, isa, forward, {}, can_run);
  add_loops<LrnBackward>(registry, isa, backward, {}, can_run);
}

}  // namespace fovea::simd
