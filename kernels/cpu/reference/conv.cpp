// conv.cpp - convolution by its definition (conv.h), sums in fp64.
//
// An fp64 sum of products of fp32 numbers is exact on integers in any order and has an error far
// below fp32's rounding on reals, so loops are ordered for speed: the innermost runs over
// contiguous channels, or, where neither groups nor dilation part them, over a filter row's taps
// and channels at once ("a run").
//
// What lies in s2d is the convolution of xs by ws (space_to_depth.h). It is computed for who asks,
// to judge others by; can_run() declines it, so that no net is folded for this engine.
#include <fovea/kernels/cpu/reference/folded_taps.h>
#include <fovea/kernels/cpu/reference/parts.h>
#include <fovea/kernels/ops/space_to_depth.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace fovea::reference {
namespace {

struct Range {
  int begin = 0, end = 0;
  bool operator==(const Range&) const = default;
};

// Filter taps along one axis that see the plane, not its padding, from output index `out`:
// 0 <= out * stride - pad + tap * dilation < extent.
Range taps_inside(int out, int stride, int pad, int dilation, int filter, int extent) {
  const std::int64_t origin = std::int64_t{out} * stride - pad;
  const auto ceil_div = [](std::int64_t a, std::int64_t b) { return a <= 0 ? 0 : (a + b - 1) / b; };
  const auto begin = std::min<std::int64_t>(filter, ceil_div(-origin, dilation));
  const auto end = std::min<std::int64_t>(filter, ceil_div(extent - origin, dilation));
  return {static_cast<int>(begin), static_cast<int>(std::max(begin, end))};
}

Range rows_inside(const ConvProblem& p, int i) {
  return taps_inside(i, p.u, p.ph.begin, p.dh, p.r, p.h);
}
Range columns_inside(const ConvProblem& p, int j) {
  return taps_inside(j, p.v, p.pw.begin, p.dw, p.s, p.w);
}

bool taps_are_contiguous(const ConvProblem& p) { return p.groups == 1 && p.dw == 1; }

// One output: filter f at row i, column j of image n.
double output(const ConvProblem& p, const float* x, const float* w, int n, int i, int j, int f) {
  const std::int64_t cg = p.c_per_group();
  const std::int64_t first_channel = f / p.k_per_group() * cg;
  const Range rows = rows_inside(p, i);
  const Range columns = columns_inside(p, j);
  double sum = 0;
  for (int r = rows.begin; r < rows.end; ++r) {
    const std::int64_t y = std::int64_t{i} * p.u - p.ph.begin + std::int64_t{r} * p.dh;
    const float* x_row = x + (std::int64_t{n} * p.h + y) * p.w * p.c;
    const float* w_row = w + (std::int64_t{f} * p.r + r) * p.s * cg;
    const std::int64_t origin = std::int64_t{j} * p.v - p.pw.begin;
    if (taps_are_contiguous(p)) {
      if (columns.begin == columns.end) continue;
      sum += dot(x_row + (origin + columns.begin) * p.c, w_row + columns.begin * cg,
                 (columns.end - columns.begin) * cg);
      continue;
    }
    for (int s = columns.begin; s < columns.end; ++s) {
      const std::int64_t column = origin + std::int64_t{s} * p.dw;
      sum += dot(x_row + column * p.c + first_channel, w_row + s * cg, cg);
    }
  }
  return sum;
}

void conv_forward(const ConvProblem& p, const ConvForward::Args& args, Floats& floats) {
  if (p.s2d) return conv_forward(folded(p), args, floats);
  const float* x = floats.in(args.x);
  const float* w = floats.in(args.w);
  const float* b = p.epilogue.bias ? floats.in(args.b) : nullptr;
  float* y = floats.out(args.y);
  const auto dropping = dropping_of(p, args.context, std::int64_t{p.p()} * p.q() * p.k);
  parallel(std::int64_t{p.n} * p.p() * p.q(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      const int n = static_cast<int>(pixel / (p.p() * p.q()));
      const int i = static_cast<int>(pixel / p.q() % p.p());
      const int j = static_cast<int>(pixel % p.q());
      for (int f = 0; f < p.k; ++f) {
        double v = output(p, x, w, n, i, j, f);
        if (b != nullptr) v += b[f];
        if (p.epilogue.relu) v = relu(v);
        if (p.epilogue.tanh) v = std::tanh(v);
        if (dropping) v = (*dropping)(v, pixel * p.k + f);
        y[pixel * p.k + f] = static_cast<float>(v);
      }
    }
  });
}

// The output index whose tap `tap` sees `cell` of the plane, or -1.
int output_seeing(int cell, int tap, int stride, int pad, int dilation, int outputs) {
  const std::int64_t at = std::int64_t{cell} + pad - std::int64_t{tap} * dilation;
  return at >= 0 && at % stride == 0 && at / stride < outputs ? static_cast<int>(at / stride) : -1;
}

constexpr int kChannels = 64;  // channels summed at a time

// sum[0..width) = dx of the channels from `channel` of group g at cell (y, x) of image n.
void input_gradient(const ConvProblem& p, const float* dy, const float* w, int n, int y, int x,
                    int g, int channel, int width, double* sum) {
  const std::int64_t cg = p.c_per_group();
  const int kg = p.k_per_group();
  std::fill_n(sum, width, 0.0);
  for (int r = 0; r < p.r; ++r) {
    const int i = output_seeing(y, r, p.u, p.ph.begin, p.dh, p.p());
    if (i < 0) continue;
    for (int s = 0; s < p.s; ++s) {
      const int j = output_seeing(x, s, p.v, p.pw.begin, p.dw, p.q());
      if (j < 0) continue;
      const std::int64_t filter = std::int64_t{p.r} * p.s * cg;
      const std::int64_t tap = (std::int64_t{r} * p.s + s) * cg;
      const float* dy_pixel = dy + ((std::int64_t{n} * p.p() + i) * p.q() + j) * p.k;
      add_products({dy_pixel + g * kg, 1}, {w + g * kg * filter + tap + channel, filter}, kg, width,
                   sum);
    }
  }
}

void conv_dgrad(const ConvProblem& p, const ConvDgrad::Args& args, Floats& floats) {
  const float* dy = floats.in(args.dy);
  const float* w = floats.in(args.w);
  const float* mask = p.epilogue.mask ? floats.in(args.mask) : nullptr;
  float* dx = floats.out(args.dx);
  const int cg = p.c_per_group();
  const auto store = [&](std::int64_t at, double v) {
    if (mask != nullptr && !(mask[at] > 0)) v = 0;
    dx[at] = static_cast<float>(p.epilogue.acc ? dx[at] + v : v);
  };
  parallel(std::int64_t{p.n} * p.h * p.w, 1, [&](std::int64_t begin, std::int64_t end) {
    double sum[kChannels];
    for (std::int64_t cell = begin; cell < end; ++cell) {
      const int n = static_cast<int>(cell / (std::int64_t{p.h} * p.w));
      const int y = static_cast<int>(cell / p.w % p.h);
      const int x = static_cast<int>(cell % p.w);
      for (int g = 0; g < p.groups; ++g) {
        for (int channel = 0; channel < cg; channel += kChannels) {
          const int width = std::min(kChannels, cg - channel);
          input_gradient(p, dy, w, n, y, x, g, channel, width, sum);
          for (int c = 0; c < width; ++c) store(cell * p.c + g * cg + channel + c, sum[c]);
        }
      }
    }
  });
}

// sum[0..width) = dw of filter f, row r, at elements [first, first + width) of a run: of tap s, or
// of all taps where they are contiguous.
void filter_gradient(const ConvProblem& p, const float* x, const float* dy, int f, int r, int s,
                     std::int64_t first, std::int64_t width, double* sum) {
  const std::int64_t cg = p.c_per_group();
  const std::int64_t first_channel = f / p.k_per_group() * cg;
  const auto taps_inside_at = [&p, s](int j) {
    if (taps_are_contiguous(p)) return columns_inside(p, j);
    const std::int64_t column = std::int64_t{j} * p.v - p.pw.begin + std::int64_t{s} * p.dw;
    return Range{0, column >= 0 && column < p.w};
  };
  std::fill_n(sum, width, 0.0);
  for (std::int64_t row = 0; row < std::int64_t{p.n} * p.p(); ++row) {
    const std::int64_t n = row / p.p();
    const std::int64_t y = row % p.p() * p.u - p.ph.begin + std::int64_t{r} * p.dh;
    if (y < 0 || y >= p.h) continue;
    const std::int64_t x_row = (n * p.h + y) * p.w * p.c;
    int next = 0;
    for (int j = 0; j < p.q(); j = next) {  // outputs that see the same taps, away from edges many
      const Range taps = taps_inside_at(j);
      for (next = j + 1; next < p.q() && taps_inside_at(next) == taps;) ++next;
      const std::int64_t begin = std::max<std::int64_t>(first, taps.begin * cg);
      const std::int64_t end = std::min<std::int64_t>(first + width, taps.end * cg);
      const std::int64_t column = std::int64_t{j} * p.v - p.pw.begin + std::int64_t{s} * p.dw;
      const std::int64_t origin = x_row + column * p.c + first_channel;  // may lie in the padding
      if (begin >= end) continue;
      add_products({dy + (row * p.q() + j) * p.k + f, p.k},
                   {x + (origin + begin), std::int64_t{p.v} * p.c}, next - j, end - begin,
                   sum + (begin - first));
    }
  }
}

void filter_gradients(const ConvProblem& p, const float* x, const float* dy, float* dw) {
  const int runs = taps_are_contiguous(p) ? 1 : p.s;
  const std::int64_t run = std::int64_t{p.s} * p.c_per_group() / runs;
  parallel(std::int64_t{p.k} * p.r, 1, [&](std::int64_t begin, std::int64_t end) {
    double sum[kChannels];
    for (std::int64_t filter_row = begin; filter_row < end; ++filter_row) {
      for (int s = 0; s < runs; ++s) {
        for (std::int64_t first = 0; first < run; first += kChannels) {
          const std::int64_t width = std::min<std::int64_t>(kChannels, run - first);
          filter_gradient(p, x, dy, static_cast<int>(filter_row / p.r),
                          static_cast<int>(filter_row % p.r), s, first, width, sum);
          float* out = dw + (filter_row * runs + s) * run + first;
          for (std::int64_t t = 0; t < width; ++t) {
            out[t] = static_cast<float>(p.epilogue.acc ? out[t] + sum[t] : sum[t]);
          }
        }
      }
    }
  });
}

// dw of an x that lies folded: of the folded problem, without what lies behind the filter's end.
void filter_gradients_of_folded(const ConvProblem& p, const float* x, const float* dy, float* dw) {
  const FoldWeightsProblem weights = folding_of_weights(p);
  std::vector<float> ws(static_cast<std::size_t>(weights.ws_shape().elements()));
  for_each_tap(weights, dw, ws.data(), [&](const float* w, float* to) { std::copy_n(w, p.c, to); });
  filter_gradients(folded(p), x, dy, ws.data());
  for_each_tap(weights, dw, ws.data(),
               [&](float* w, const float* from) { std::copy_n(from, p.c, w); });
}

void conv_wgrad(const ConvProblem& p, const ConvWgrad::Args& args, Floats& floats) {
  const float* dy = floats.in(args.dy);
  const auto gradients = p.s2d ? filter_gradients_of_folded : filter_gradients;
  gradients(p, floats.in(args.x), dy, floats.out(args.dw));
  if (p.epilogue.db) {
    column_sums(std::int64_t{p.n} * p.p() * p.q(), p.k, dy, floats.out(args.db), p.epilogue.acc);
  }
}

}  // namespace

void add_conv(Registry& registry) {
  add_loops<ConvForward>(registry, conv_forward, epilogues_within<ConvProblem>(kForwardEpilogues));
  add_loops<ConvDgrad>(registry, conv_dgrad, epilogues_within<ConvProblem>(kDgradEpilogues));
  add_loops<ConvWgrad>(registry, conv_wgrad, epilogues_within<ConvProblem>(kWgradEpilogues));
}

}  // namespace fovea::reference
