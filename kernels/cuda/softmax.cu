// softmax.cu - softmax, and softmax with cross entropy.
// Warp  -> one row: the largest score, the sum of exponentials, then the probabilities; lane ->
//          every 32nd score. Four rows a block. The row is read three times, from L1 after the
//          first: 8 bytes per score from memory, the least possible.
// Loss  -> the row's loss and the rank of its label go to the workspace, metrics.cu sums them.
// Backward -> thread -> W neighbouring scores; 8 bytes per score.
// In bf16 scores and their gradient are; probabilities and the loss stay fp32: 6 bytes per score.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/loss_rows.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/cuda/pointwise.cuh>

#include <limits>

namespace fovea::FOVEA_TARGET {
namespace {

struct RowSum {
  float top, sum;  // largest score, sum of exp(score - top)
};

/// Writes the probabilities of a row; every lane gets the result. A NaN makes all of them NaN.
template <class T>
__device__ RowSum softmax_row(int c, const T* x, float* y) {
  RowSum r{-std::numeric_limits<float>::infinity(), 0};
  for (int i = lane_id(); i < c; i += kWarp) r.top = max(r.top, load_float(x + i));
  r.top = warp_max(r.top);
  for (int i = lane_id(); i < c; i += kWarp) r.sum += exp(load_float(x + i) - r.top);
  r.sum = warp_sum(r.sum);
  for (int i = lane_id(); i < c; i += kWarp) y[i] = exp(load_float(x + i) - r.top) / r.sum;
  return r;
}

/// How many scores stand before the label's: those above it, and equal ones of smaller index.
template <class T>
__device__ int rank_of(int label, int c, const T* x) {
  const float own = load_float(x + label);
  int before = 0;
  for (int i = lane_id(); i < c; i += kWarp) {
    const float score = load_float(x + i);
    if (score > own || (score == own && i < label)) ++before;
  }
  return warp_sum(before);
}

template <class T>
__global__ void __launch_bounds__(kLossRows* kWarp)
    softmax_rows(int n, int c, const T* x, float* y) {
  const int row = row_of_warp();
  if (row >= n) return;  // the whole warp
  const std::int64_t begin = static_cast<std::int64_t>(row) * c;
  softmax_row(c, x + begin, y + begin);
}

template <class T>
__global__ void __launch_bounds__(kLossRows* kWarp)
    softmax_loss_rows(int n, int c, const T* x, const std::int32_t* labels, const StepState* state,
                      float* probability, RowMetrics* rows) {
  const int row = row_of_warp();
  if (row >= n) return;  // the whole warp
  const std::int64_t begin = static_cast<std::int64_t>(row) * c;
  const RowSum r = softmax_row(c, x + begin, probability + begin);
  if (row >= valid_rows(state, n)) return;  // its label is nobody's
  const int label = labels[row];
  const int rank = rank_of(label, c, x + begin);
  if (lane_id() != 0) return;
  const float loss = log(r.sum) - (load_float(x + begin + label) - r.top);
  rows[row] = {loss, rank >= 1 ? 1.0F : 0.0F, rank >= 5 ? 1.0F : 0.0F, 0};
}

template <int W, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    softmax_loss_gradient(int n, int c, const float* probability, const std::int32_t* labels,
                          const StepState* state, T* dx) {
  const std::int64_t first = item_of_thread() * W;
  if (first >= static_cast<std::int64_t>(n) * c) return;  // W divides c
  const int row = static_cast<int>(first / c);
  const int column = static_cast<int>(first - static_cast<std::int64_t>(row) * c);
  const int valid = valid_rows(state, n);
  Vector<float, W> v{};
  if (row < valid) {
    const int label = labels[row] - column;
    const Vector<float, W> p = load_floats<W>(probability + first);
    for (int l = 0; l < W; ++l)
      v[l] = (p[l] - (l == label ? 1.0F : 0.0F)) / static_cast<float>(valid);
  }
  store_floats<W>(dx + first, v);
}

void run_softmax(const LossProblem& p, const Softmax::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    launch(softmax_rows<T>, launch_rows(p.n), stream, p.n, p.c, a.x.as<T>(), a.y.as<float>());
  });
}

void run_loss(const LossProblem& p, const SoftmaxLoss::Args& a, StreamView stream) {
  auto* rows = static_cast<RowMetrics*>(a.context.workspace);
  by_type(a.x, [&]<class T>(T) {
    launch(softmax_loss_rows<T>, launch_rows(p.n), stream, p.n, p.c, a.x.as<T>(),
           a.labels.as<std::int32_t>(), a.context.state, a.probability.as<float>(), rows);
  });
  run_sum_rows(p, rows, a.metrics.as<float>(), a.context.state, stream);
}

void run_loss_backward(const LossProblem& p, const SoftmaxLossBackward::Args& a,
                       StreamView stream) {
  by_type(a.dx, [&]<class T>(T) {
    const auto* probability = a.probability.as<float>();
    const auto* labels = a.labels.as<std::int32_t>();
    auto* dx = a.dx.as<T>();
    by_width<T>(p.c, allow_vectors(probability, dx), [&]<int W>(Width<W>) {
      launch(softmax_loss_gradient<W, T>, launch_for(checked_mul(p.n, p.c) / W), stream, p.n, p.c,
             probability, labels, a.context.state, dx);
    });
  });
}

}  // namespace

Algorithm<Softmax> softmax() {
  return make_algorithm<Softmax>({.name = "warp", .run = run_softmax, .exact_on_integers = false});
}
Algorithm<SoftmaxLoss> softmax_loss() {
  return make_algorithm<SoftmaxLoss>(
      {.name = "warp", .run = run_loss, .workspace = loss_workspace, .exact_on_integers = false});
}
Algorithm<SoftmaxLossBackward> softmax_loss_backward() {
  return make_algorithm<SoftmaxLossBackward>(
      {.name = "vector", .run = run_loss_backward, .exact_on_integers = false});
}

}  // namespace fovea::FOVEA_TARGET
