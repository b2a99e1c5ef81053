// linear.cpp - the fully connected layer by its definition (linear.h), sums in fp64.
#include <fovea/kernels/cpu/reference/parts.h>

#include <algorithm>
#include <cmath>

namespace fovea::reference {
namespace {

constexpr int kOutputs = 64;  // outputs summed at a time

void linear_forward(const LinearProblem& p, const LinearForward::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  const float* w = floats.in(args.w);
  const float* b = p.epilogue.bias ? floats.in(args.b) : nullptr;
  float* y = floats.out(args.y);
  const auto dropping = dropping_of(p, args.context, p.n);
  parallel(p.n, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      for (std::int64_t m = 0; m < p.m; ++m) {
        double v = dot(x + m * p.k, w + n * p.k, p.k);
        if (b != nullptr) v += b[n];
        if (p.epilogue.relu) v = relu(v);
        if (p.epilogue.tanh) v = std::tanh(v);
        if (dropping) v = (*dropping)(v, m * p.n + n);
        y[m * p.n + n] = static_cast<float>(v);
      }
    }
  });
}

// For each tile of `columns`: out(row, column, sum over i of a(row)[i] * b[i, column]), where b is
// row major with `columns` columns.
template <class A, class Out>
void tiled_product(std::int64_t rows, std::int64_t columns, std::int64_t depth, const A& a,
                   const float* b, const Out& out) {
  parallel(rows, 1, [&](std::int64_t begin, std::int64_t end) {
    double sum[kOutputs];
    for (std::int64_t row = begin; row < end; ++row) {
      for (std::int64_t first = 0; first < columns; first += kOutputs) {
        const std::int64_t width = std::min<std::int64_t>(kOutputs, columns - first);
        std::fill_n(sum, width, 0.0);
        add_products(a(row), {b + first, columns}, depth, width, sum);
        for (std::int64_t t = 0; t < width; ++t) out(row, first + t, sum[t]);
      }
    }
  });
}

void linear_dgrad(const LinearProblem& p, const LinearDgrad::Args& args, Floats& floats) {
  const float* dy = floats.in(args.dy);
  const float* mask = p.epilogue.mask ? floats.in(args.mask) : nullptr;
  float* dx = floats.out(args.dx);
  tiled_product(
      p.m, p.k, p.n,
      [&](std::int64_t m) {
        return Strided{dy + m * p.n, 1};
      },
      floats.in(args.w),
      [&](std::int64_t m, std::int64_t k, double v) {
        const std::int64_t at = m * p.k + k;
        if (mask != nullptr && !(mask[at] > 0)) v = 0;
        dx[at] = static_cast<float>(p.epilogue.acc ? dx[at] + v : v);
      });
}

void linear_wgrad(const LinearProblem& p, const LinearWgrad::Args& args, Floats& floats) {
  const float* dy = floats.in(args.dy);
  float* dw = floats.out(args.dw);
  tiled_product(
      p.n, p.k, p.m,
      [&](std::int64_t n) {
        return Strided{dy + n, p.n};
      },
      floats.in(args.x),
      [&](std::int64_t n, std::int64_t k, double v) {
        const std::int64_t at = n * p.k + k;
        dw[at] = static_cast<float>(p.epilogue.acc ? dw[at] + v : v);
      });
  if (p.epilogue.db) column_sums(p.m, p.n, dy, floats.out(args.db), p.epilogue.acc);
}

}  // namespace

void add_linear(Registry& registry) {
  add_loops<LinearForward>(registry, linear_forward,
                           epilogues_within<LinearProblem>(kForwardEpilogues));
  add_loops<LinearDgrad>(registry, linear_dgrad, epilogues_within<LinearProblem>(kDgradEpilogues));
  add_loops<LinearWgrad>(registry, linear_wgrad, epilogues_within<LinearProblem>(kWgradEpilogues));
}

}  // namespace fovea::reference
