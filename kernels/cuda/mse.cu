// mse.cu - mean squared error: loss_i = 1/2 sum over c of (x - target)^2.
// Forward  -> warp a row, lane every 32nd output; the rows' sums go to the workspace, metrics.cu
//             adds them up. 8 bytes per output, the least possible.
// Backward -> thread -> W neighbouring outputs; 12 bytes per output, the least possible.
// In bf16 outputs and their gradient are, targets and the loss stay fp32: 6 and 8 bytes. W is 4 in
// both, 16 bytes of targets.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/loss_rows.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/cuda/pointwise.cuh>

namespace fovea::FOVEA_TARGET {
namespace {

template <class T>
__global__ void __launch_bounds__(kLossRows* kWarp)
    mse_rows(int n, int c, const T* x, const float* target, const StepState* state,
             RowMetrics* rows) {
  const int row = row_of_warp();
  if (row >= valid_rows(state, n)) return;  // the whole warp
  const std::int64_t begin = static_cast<std::int64_t>(row) * c;
  float squares = 0, distance = 0;
  for (int i = lane_id(); i < c; i += kWarp) {
    const float d = load_float(x + begin + i) - target[begin + i];
    squares = fma(d, d, squares);
    distance += abs(d);
  }
  squares = warp_sum(squares);
  distance = warp_sum(distance);
  if (lane_id() == 0) rows[row] = {0.5F * squares, distance, 0, 0};
}

template <int W, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    mse_gradient(int n, int c, const T* x, const float* target, const StepState* state, T* dx) {
  const std::int64_t first = item_of_thread() * W;
  if (first >= static_cast<std::int64_t>(n) * c) return;  // W divides c
  const int valid = valid_rows(state, n);
  Vector<float, W> v{};
  if (first < static_cast<std::int64_t>(valid) * c) {
    const Vector<float, W> a = load_floats<W>(x + first);
    const Vector<float, W> b = load_floats<W>(target + first);
    for (int l = 0; l < W; ++l) v[l] = (a[l] - b[l]) / static_cast<float>(valid);
  }
  store_floats<W>(dx + first, v);
}

void run_forward(const LossProblem& p, const MseLoss::Args& a, StreamView stream) {
  auto* rows = static_cast<RowMetrics*>(a.context.workspace);
  by_type(a.x, [&]<class T>(T) {
    launch(mse_rows<T>, launch_rows(p.n), stream, p.n, p.c, a.x.as<T>(), a.target.as<float>(),
           a.context.state, rows);
  });
  run_sum_rows(p, rows, a.metrics.as<float>(), a.context.state, stream);
}

void run_backward(const LossProblem& p, const MseLossBackward::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    const auto* x = a.x.as<T>();
    const auto* target = a.target.as<float>();
    auto* dx = a.dx.as<T>();
    by_width<float>(p.c, allow_vectors(x, target, dx), [&]<int W>(Width<W>) {
      launch(mse_gradient<W, T>, launch_for(checked_mul(p.n, p.c) / W), stream, p.n, p.c, x, target,
             a.context.state, dx);
    });
  });
}

}  // namespace

Algorithm<MseLoss> mse_loss() {
  return make_algorithm<MseLoss>({.name = "warp",
                                  .run = run_forward,
                                  .workspace = loss_workspace,
                                  .exact_on_integers = false});
}
Algorithm<MseLossBackward> mse_loss_backward() {
  return make_algorithm<MseLossBackward>(
      {.name = "vector", .run = run_backward, .exact_on_integers = false});
}

}  // namespace fovea::FOVEA_TARGET
