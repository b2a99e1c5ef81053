// naive.cu - convolution by its definition, fp32, NHWC: the first rung of the ladder
// naive -> direct_tiled, short enough to be read beside conv.h.
// Block  -> 256 consecutive elements of the output; thread -> one element, one chain of fma.
// Reuse  -> none but what the caches give: two loads from global memory for each multiply-add.
// Limits -> none; every filter, stride, padding, dilation and group count.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/naive.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {
namespace {

__device__ bool inside(int i, int extent) { return i >= 0 && i < extent; }

// x[n,h,w,c], w[k,r,s,c/groups] -> y[n,p,q,k]
__global__ void __launch_bounds__(kNaiveThreads)
    conv_forward(ConvProblem p, const float* x, const float* w, float* y,
                 ForwardEpilogue epilogue) {
  const std::int64_t e = naive_element();
  if (e >= std::int64_t{p.n} * p.p() * p.q() * p.k) return;
  const int f = static_cast<int>(e % p.k);
  const std::int64_t pixel = e / p.k;
  const int j = static_cast<int>(pixel % p.q());
  const int i = static_cast<int>(pixel / p.q() % p.p());
  const std::int64_t n = pixel / p.q() / p.p();
  const int cg = p.c_per_group();
  const int first = f / p.k_per_group() * cg;  // the first channel that filter f sees

  float sum = 0.0F;
  for (int r = 0; r < p.r; ++r) {
    const int row = i * p.u - p.ph.begin + r * p.dh;
    if (!inside(row, p.h)) continue;
    for (int s = 0; s < p.s; ++s) {
      const int column = j * p.v - p.pw.begin + s * p.dw;
      if (!inside(column, p.w)) continue;
      const float* px = x + ((n * p.h + row) * p.w + column) * p.c + first;
      const float* pw = w + ((std::int64_t{f} * p.r + r) * p.s + s) * cg;
      for (int c = 0; c < cg; ++c) sum = fma(px[c], pw[c], sum);
    }
  }
  y[e] = epilogue(sum, f, e);
}

// dy[n,p,q,k], w[k,r,s,c/groups] -> dx[n,h,w,c]: of all taps those whose output lies on the grid.
__global__ void __launch_bounds__(kNaiveThreads)
    conv_dgrad(ConvProblem p, const float* dy, const float* w, float* dx,
               DgradEpilogue<float> epilogue) {
  const std::int64_t e = naive_element();
  if (e >= std::int64_t{p.n} * p.h * p.w * p.c) return;
  const int channel = static_cast<int>(e % p.c);
  const std::int64_t cell = e / p.c;
  const int column = static_cast<int>(cell % p.w);
  const int row = static_cast<int>(cell / p.w % p.h);
  const std::int64_t n = cell / p.w / p.h;
  const int cg = p.c_per_group();
  const int kg = p.k_per_group();
  const int first = channel / cg * kg;  // the first filter that sees this channel
  const std::int64_t filter_size = std::int64_t{p.r} * p.s * cg;

  float sum = 0.0F;
  for (int r = 0; r < p.r; ++r) {
    const int i = row + p.ph.begin - r * p.dh;
    if (i < 0 || i % p.u != 0 || i / p.u >= p.p()) continue;
    for (int s = 0; s < p.s; ++s) {
      const int j = column + p.pw.begin - s * p.dw;
      if (j < 0 || j % p.v != 0 || j / p.v >= p.q()) continue;
      const float* pdy = dy + ((n * p.p() + i / p.u) * p.q() + j / p.v) * p.k + first;
      const float* pw = w + first * filter_size + (r * p.s + s) * cg + channel % cg;
      for (int f = 0; f < kg; ++f) sum = fma(pdy[f], pw[f * filter_size], sum);
    }
  }
  dx[e] = epilogue(sum, dx, e);
}

// x[n,h,w,c], dy[n,p,q,k] -> dw[k,r,s,c/groups]; the thread of a filter's first weight sums the
// filter's bias gradient too (db may be nullptr).
__global__ void __launch_bounds__(kNaiveThreads)
    conv_wgrad(ConvProblem p, const float* x, const float* dy, float* dw, float* db,
               bool accumulate) {
  const std::int64_t e = naive_element();
  const int cg = p.c_per_group();
  if (e >= std::int64_t{p.k} * p.r * p.s * cg) return;
  const int c = static_cast<int>(e % cg);
  const int s = static_cast<int>(e / cg % p.s);
  const int r = static_cast<int>(e / cg / p.s % p.r);
  const int f = static_cast<int>(e / cg / p.s / p.r);
  const int channel = f / p.k_per_group() * cg + c;

  float sum = 0.0F;
  for (std::int64_t n = 0; n < p.n; ++n) {
    for (int i = 0; i < p.p(); ++i) {
      const int row = i * p.u - p.ph.begin + r * p.dh;
      if (!inside(row, p.h)) continue;
      for (int j = 0; j < p.q(); ++j) {
        const int column = j * p.v - p.pw.begin + s * p.dw;
        if (!inside(column, p.w)) continue;
        sum = fma(x[((n * p.h + row) * p.w + column) * p.c + channel],
                  dy[((n * p.p() + i) * p.q() + j) * p.k + f], sum);
      }
    }
  }
  dw[e] = accumulate ? dw[e] + sum : sum;

  if (db == nullptr || r != 0 || s != 0 || c != 0) return;
  float bias_sum = 0.0F;
  const std::int64_t pixels = std::int64_t{p.n} * p.p() * p.q();
  for (std::int64_t i = 0; i < pixels; ++i) bias_sum += dy[i * p.k + f];
  db[f] = accumulate ? db[f] + bias_sum : bias_sum;
}

void run_forward(const ConvProblem& p, const ConvForward::Args& a, StreamView stream) {
  launch(conv_forward, naive_launch(p.y_shape()), stream, p, a.x.as<float>(), a.w.as<float>(),
         a.y.as<float>(), forward_epilogue(p, a));
}

void run_dgrad(const ConvProblem& p, const ConvDgrad::Args& a, StreamView stream) {
  launch(conv_dgrad, naive_launch(p.x_shape()), stream, p, a.dy.as<float>(), a.w.as<float>(),
         a.dx.as<float>(), dgrad_epilogue(p.epilogue, a.mask));
}

void run_wgrad(const ConvProblem& p, const ConvWgrad::Args& a, StreamView stream) {
  launch(conv_wgrad, naive_launch(p.w_shape()), stream, p, a.x.as<float>(), a.dy.as<float>(),
         a.dw.as<float>(), p.epilogue.db ? a.db.as<float>() : nullptr, p.epilogue.acc);
}

}  // namespace

Algorithm<ConvForward> conv_forward_naive() {
  return naive_algorithm<ConvForward>(run_forward, kForwardEpilogues);
}
Algorithm<ConvDgrad> conv_dgrad_naive() {
  return naive_algorithm<ConvDgrad>(run_dgrad, kDgradEpilogues);
}
Algorithm<ConvWgrad> conv_wgrad_naive() {
  return naive_algorithm<ConvWgrad>(run_wgrad, kWgradEpilogues);
}

}  // namespace fovea::FOVEA_TARGET
