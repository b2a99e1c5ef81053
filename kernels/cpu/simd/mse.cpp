// mse.cpp - mean squared error: fp32 over a row, in lanes, then fp64 over the rows in order.
#include <fovea/kernels/cpu/simd/parts.h>

#include <algorithm>
#include <cmath>

namespace fovea::simd {
namespace {

struct RowError {
  float squares = 0, absolute = 0;
};

struct MseLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, int width, const T* x, const float* target,
                  RowError* rows) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* in = x + row * width;
      const float* want = target + row * width;
      float squares[kSumLanes] = {}, absolute[kSumLanes] = {};
      const auto add = [&](int lane, int i) {
        const float d = widened(in[i]) - want[i];
        squares[lane] += d * d;
        absolute[lane] += d < 0 ? -d : d;
      };
      int i = 0;
      for (; i + kSumLanes <= width; i += kSumLanes) {
        for (int l = 0; l < kSumLanes; ++l) add(l, i + l);
      }
      for (int l = 0; i < width; ++i, ++l) add(l, i);
      RowError sum;
      for (int l = 0; l < kSumLanes; ++l) {
        sum.squares += squares[l];
        sum.absolute += absolute[l];
      }
      rows[row] = sum;
    }
  }
};

template <class T>
void mse(const LossProblem& p, const MseLoss::Args& args, Isa isa) {
  const T* x = args.x.as<T>();
  const float* target = args.target.as<float>();
  auto* rows = static_cast<RowError*>(args.context.workspace);
  const int valid = valid_rows(args.context, p.n);
  run_parts<MseLoop>(isa, valid, rows_per_grain(p.c), p.c, x, target, rows);
  double loss = 0, absolute = 0;
  for (int row = 0; row < valid; ++row) {
    loss += 0.5 * rows[row].squares;
    absolute += rows[row].absolute;
  }
  float* metrics = args.metrics.as<float>();
  metrics[0] = valid > 0 ? static_cast<float>(loss / valid) : 0.0F;
  metrics[1] = static_cast<float>(absolute);
  metrics[2] = 0.0F;
  metrics[3] = static_cast<float>(valid);
  if (args.context.state != nullptr && !std::isfinite(metrics[0]))
    args.context.state->nonfinite = 1;
}

struct MseBackwardLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, float count, const T* x,
                  const float* target, T* dx) {
#pragma GCC ivdep
    for (std::int64_t i = begin; i < end; ++i)
      dx[i] = narrowed<T>((widened(x[i]) - target[i]) / count);
  }
};

template <class T>
void mse_backward(const LossProblem& p, const MseLossBackward::Args& args, Isa isa) {
  const T* x = args.x.as<T>();
  const float* target = args.target.as<float>();
  T* dx = args.dx.as<T>();
  const int valid = valid_rows(args.context, p.n);
  const std::int64_t counted = std::int64_t{valid} * p.c;
  run_parts<MseBackwardLoop>(isa, counted, kGrain, static_cast<float>(valid), x, target, dx);
  std::fill(dx + counted, dx + std::int64_t{p.n} * p.c, T{});
}

}  // namespace

void add_mse(Registry& registry, Isa isa) {
  add_loops<MseLoss>(
      registry, isa, &MseLoss::Args::x, mse<float>, mse<bf16>,
      [](const LossProblem& p) { return static_cast<std::size_t>(p.n) * sizeof(RowError); });
  add_loops<MseLossBackward>(registry, isa, &MseLossBackward::Args::dx, mse_backward<float>,
                             mse_backward<bf16>);
}

}  // namespace fovea::simd
