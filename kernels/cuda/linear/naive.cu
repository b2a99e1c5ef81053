// naive.cu - the fully connected layer by its definition, fp32: the first rung of the ladder
// naive -> tiled.
// Block  -> 256 consecutive elements of the output; thread -> one element, one chain of fma.
// Reuse  -> none but what the caches give.
// Limits -> none.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/naive.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {
namespace {

// x[m,k], w[n,k] -> y[m,n]
__global__ void __launch_bounds__(kNaiveThreads)
    linear_forward(LinearProblem p, const float* x, const float* w, float* y,
                   ForwardEpilogue epilogue) {
  const std::int64_t e = naive_element();
  if (e >= std::int64_t{p.m} * p.n) return;
  const int column = static_cast<int>(e % p.n);
  const float* x_row = x + e / p.n * p.k;
  const float* w_row = w + std::int64_t{column} * p.k;
  float sum = 0.0F;
  for (int i = 0; i < p.k; ++i) sum = fma(x_row[i], w_row[i], sum);
  y[e] = epilogue(sum, column, e);
}

// dy[m,n], w[n,k] -> dx[m,k]
__global__ void __launch_bounds__(kNaiveThreads)
    linear_dgrad(LinearProblem p, const float* dy, const float* w, float* dx,
                 DgradEpilogue<float> epilogue) {
  const std::int64_t e = naive_element();
  if (e >= std::int64_t{p.m} * p.k) return;
  const float* dy_row = dy + e / p.k * p.n;
  const float* w_column = w + e % p.k;
  float sum = 0.0F;
  for (std::int64_t i = 0; i < p.n; ++i) sum = fma(dy_row[i], w_column[i * p.k], sum);
  dx[e] = epilogue(sum, dx, e);
}

// x[m,k], dy[m,n] -> dw[n,k]; the thread of a row's first weight sums its bias gradient too.
__global__ void __launch_bounds__(kNaiveThreads)
    linear_wgrad(LinearProblem p, const float* x, const float* dy, float* dw, float* db,
                 bool accumulate) {
  const std::int64_t e = naive_element();
  if (e >= std::int64_t{p.n} * p.k) return;
  const float* x_column = x + e % p.k;
  const float* dy_column = dy + e / p.k;
  float sum = 0.0F;
  float bias_sum = 0.0F;
  for (std::int64_t i = 0; i < p.m; ++i) {
    sum = fma(x_column[i * p.k], dy_column[i * p.n], sum);
    bias_sum += dy_column[i * p.n];
  }
  dw[e] = accumulate ? dw[e] + sum : sum;
  if (db == nullptr || e % p.k != 0) return;
  float& out = db[e / p.k];
  out = accumulate ? out + bias_sum : bias_sum;
}

void run_forward(const LinearProblem& p, const LinearForward::Args& a, StreamView stream) {
  launch(linear_forward, naive_launch(p.y_shape()), stream, p, a.x.as<float>(), a.w.as<float>(),
         a.y.as<float>(), forward_epilogue(p, a));
}

void run_dgrad(const LinearProblem& p, const LinearDgrad::Args& a, StreamView stream) {
  launch(linear_dgrad, naive_launch(p.x_shape()), stream, p, a.dy.as<float>(), a.w.as<float>(),
         a.dx.as<float>(), dgrad_epilogue(p.epilogue, a.mask));
}

void run_wgrad(const LinearProblem& p, const LinearWgrad::Args& a, StreamView stream) {
  launch(linear_wgrad, naive_launch(p.w_shape()), stream, p, a.x.as<float>(), a.dy.as<float>(),
         a.dw.as<float>(), p.epilogue.db ? a.db.as<float>() : nullptr, p.epilogue.acc);
}

}  // namespace

Algorithm<LinearForward> linear_forward_naive() {
  return naive_algorithm<LinearForward>(run_forward, kForwardEpilogues);
}
Algorithm<LinearDgrad> linear_dgrad_naive() {
  return naive_algorithm<LinearDgrad>(run_dgrad, kDgradEpilogues);
}
Algorithm<LinearWgrad> linear_wgrad_naive() {
  return naive_algorithm<LinearWgrad>(run_wgrad, kWgradEpilogues);
}

}  // namespace fovea::FOVEA_TARGET
