// lrn.cpp - local response normalisation across channels.
//
// Tile   -> as many rows (the channels of a group at a pixel) as fit into the first-level cache,
// each
//           followed by size / 2 zeros: a window never reaches a neighbour's channels, so that sums
//           over windows run flat over the tile, whatever the number of channels.
// Powers -> beta = 1/4, 1/2, 3/4, 1 from the inverse fourth root by Newton's steps (math.h); others
// by
//           the C library, slowly.
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

Rows lrn_rows(const LrnProblem& p) { return {p.c / p.groups, p.size / 2, p.k, p.scale(), p.beta}; }

struct Powers {
  float beta, beta_1;  // d^-beta, d^(-beta - 1)
};
template <int kQuarters>  // beta = kQuarters / 4
struct Quarters {
  static Powers of(float d, float) {
    const float q = inverse_fourth_root(d);
    const float q2 = q * q;
    const float p = kQuarters == 1 ? q : kQuarters == 2 ? q2 : kQuarters == 3 ? q2 * q : q2 * q2;
    return {p, p * (q2 * q2)};
  }
};
struct Any {
  static Powers of(float d, float beta) {
    const float p = std::pow(d, -beta);
    return {p, p / d};
  }
};

// f(t, in[t - half] + ... + in[t + half]) for t in [0, count). `sum` is room for the sums.
template <class F>
void for_each_window(const float* in, int half, int count, float* sum, const F& f) {
  if (half == 2) {  // the common size in one pass
    for (int t = 0; t < count; ++t) {
      f(t, in[t - 2] + in[t - 1] + in[t] + in[t + 1] + in[t + 2]);
    }
    return;
  }
  std::copy_n(in - half, count, sum);
  for (int o = 1 - half; o <= half; ++o) {
    for (int t = 0; t < count; ++t) sum[t] += in[t + o];
  }
  for (int t = 0; t < count; ++t) f(t, sum[t]);
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

// f.operator()<V>(i, t) for vectors of elements: i counts them without the zeros between rows, t
// with them. Rows are often two vectors long, too short for the compiler's own loops.
template <class F>
void for_each_in_rows(const Rows& r, std::int64_t rows, const F& f) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for_each_vector<Eight>(r.width, [&]<class V>(int c) {
      f.template operator()<V>(row * r.width + c, row * r.stride() + c);
    });
  }
}

// Zeros after each row, and as many after the last again.
inline void fill_gaps(const Rows& r, std::int64_t rows, float* to) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float* gap = to + row * r.stride() + r.width;
    for (int i = 0; i < r.half; ++i) gap[i] = 0.0F;
  }
  std::fill_n(to + rows * r.stride(), r.half, 0.0F);
}

template <class Power>
struct ForwardLoop {
  template <class T>
  static void tile(const Rows& r, std::int64_t rows, const T* x, T* y) {
    Padded squares;
    float d[kBuffer];
    const int count = static_cast<int>(rows) * r.stride();
    float* square = squares.rows(r.half);
    fill_gaps(r, rows, square);
    for_each_in_rows(r, rows, [&]<class V>(std::int64_t i, std::int64_t t) {
      store<V>(square + t, load<V>(x + i) * load<V>(x + i));
    });
    for_each_window(square, r.half, count, d,
                    [&](int t, float sum) { d[t] = Power::of(r.k + r.scale * sum, r.beta).beta; });
    for_each_in_rows(r, rows, [&]<class V>(std::int64_t i, std::int64_t t) {
      store<V>(y + i, load<V>(x + i) * load<V>(d + t));
    });
  }

  template <class T>
  static void run(std::int64_t begin, std::int64_t end, Rows r, const T* x, T* y) {
    for (std::int64_t row = begin; row < end; row += r.per_tile()) {
      const std::int64_t rows = std::min<std::int64_t>(r.per_tile(), end - row);
      tile(r, rows, x + row * r.width, y + row * r.width);
    }
  }
};

template <class Power>
struct BackwardLoop {
  template <class T>
  static void tile(const Rows& r, std::int64_t rows, const T* x, const T* dy, T* dx) {
    Padded padded;
    float p[kBuffer], q[kBuffer];  // d^-beta, d^(-beta - 1); then the sums over windows
    const int count = static_cast<int>(rows) * r.stride();
    float* in = padded.rows(r.half);
    fill_gaps(r, rows, in);
    for_each_in_rows(r, rows, [&]<class V>(std::int64_t i, std::int64_t t) {
      store<V>(in + t, load<V>(x + i) * load<V>(x + i));
    });
    for_each_window(in, r.half, count, p, [&](int t, float sum) {
      const Powers power = Power::of(r.k + r.scale * sum, r.beta);
      p[t] = power.beta;
      q[t] = power.beta_1;
    });
    for_each_in_rows(r, rows, [&]<class V>(std::int64_t i, std::int64_t t) {
      store<V>(in + t, load<V>(dy + i) * load<V>(x + i) * load<V>(q + t));
    });
    for_each_window(in, r.half, count, q, [&](int t, float sum) { q[t] = sum; });
    const float twice = 2.0F * r.scale * r.beta;
    for_each_in_rows(r, rows, [&]<class V>(std::int64_t i, std::int64_t t) {
      store<V>(dx + i, load<V>(dy + i) * load<V>(p + t) - twice * load<V>(x + i) * load<V>(q + t));
    });
  }

  template <class T>
  static void run(std::int64_t begin, std::int64_t end, Rows r, const T* x, const T* dy, T* dx) {
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
  const Rows r = lrn_rows(p);
  const std::int64_t rows = std::int64_t{p.n} * p.h * p.w * p.groups;
  const std::int64_t grain = std::max<std::int64_t>(r.per_tile(), rows_per_grain(r.width) / 4);
  if (p.beta == 0.75F) {
    run_parts<Loop<Quarters<3>>>(isa, rows, grain, r, args...);
  } else if (p.beta == 0.5F) {
    run_parts<Loop<Quarters<2>>>(isa, rows, grain, r, args...);
  } else if (p.beta == 0.25F) {
    run_parts<Loop<Quarters<1>>>(isa, rows, grain, r, args...);
  } else if (p.beta == 1.0F) {
    run_parts<Loop<Quarters<4>>>(isa, rows, grain, r, args...);
  } else {
    run_parts<Loop<Any>>(isa, rows, grain, r, args...);
  }
}

template <class T>
void forward(const LrnProblem& p, const LrnForward::Args& args, Isa isa) {
  const T* x = args.x.as<T>();
  run_rows<ForwardLoop>(p, isa, x, args.y.as<T>());
}

template <class T>
void backward(const LrnProblem& p, const LrnBackward::Args& args, Isa isa) {
  const T* x = args.x.as<T>();
  const T* dy = args.dy.as<T>();
  run_rows<BackwardLoop>(p, isa, x, dy, args.dx.as<T>());
}

Verdict can_run(const LrnProblem& p, const DeviceInfo&) {
  if (p.within) return Verdict::no("windows within maps");
  if (p.c / p.groups + p.size > kTile) return Verdict::no("a group's channels do not fit a tile");
  return {};
}

}  // namespace

void add_lrn(Registry& registry, Isa isa) {
  add_loops<LrnForward>(registry, isa, &LrnForward::Args::y, forward<float>, forward<bf16>, {},
                        can_run);
  add_loops<LrnBackward>(registry, isa, &LrnBackward::Args::dx, backward<float>, backward<bf16>, {},
                         can_run);
}

}  // namespace fovea::simd
