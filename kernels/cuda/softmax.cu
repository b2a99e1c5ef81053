// softmax.cu - softmax, and softmax with cross entropy.
// Warp  -> one row: the largest score, the sum of exponentials, then the probabilities. Four rows a
//          block. Lane -> W neighbouring scores of every 32 W: 4 where they divide a row, in one
//          access where addresses allow, else one. Rows of up to 1,024 scores stay in its
//          registers, longer ones are read again, from L1: 8 bytes per score from memory, the least
//          possible.
// Loss  -> the row's loss and the rank of its label go to the workspace, metrics.cu sums them.
// Backward -> thread -> W neighbouring scores; 8 bytes per score.
// In bf16 scores and their gradient are; probabilities and the loss stay fp32: 6 bytes per score.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/loss_rows.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/cuda/pointwise.cuh>

#include <limits>
#include <type_traits>

namespace fovea::FOVEA_TARGET {
namespace {

struct RowSum {
  float top, sum;  // largest score, sum of exp(score - top)
};

constexpr int kHeldScores = 1024;  // 32 registers a lane

/// A row's scores by its warp, W neighbours a lane at a time; W divides the row. Held: read once.
/// Whether addresses allow `vectors` changes no order.
template <bool Held, int W, class T>
class WarpsRow {
 public:
  __device__ WarpsRow(int c, bool vectors, const T* x) : c_{c}, vectors_{vectors}, x_{x} {
    if constexpr (Held) {
      FOVEA_UNROLL
      for (int i = 0; i < kVectors; ++i) {
        if (column(i) < c) held_[i] = load(column(i));
      }
    }
  }
  /// f(column, the W scores from it on), in ascending order.
  template <class F>
  __device__ void each(const F& f) const {
    if constexpr (Held) {
      FOVEA_UNROLL
      for (int i = 0; i < kVectors; ++i) {
        if (column(i) < c_) f(column(i), held_[i]);
      }
    } else {
      for (int i = 0; column(i) < c_; ++i) f(column(i), load(column(i)));
    }
  }
  /// y[column], ... = value.
  __device__ void store(float* y, int column, const Vector<float, W>& value) const {
    if (vectors_) {
      store_floats<W>(y + column, value);
    } else {
      for (int l = 0; l < W; ++l) y[column + l] = value[l];
    }
  }

 private:
  __device__ Vector<float, W> load(int column) const {
    if (vectors_) return load_floats<W>(x_ + column);
    Vector<float, W> v;
    for (int l = 0; l < W; ++l) v[l] = load_float(x_ + column + l);
    return v;
  }
  static constexpr int kVectors = Held ? kHeldScores / (kWarp * W) : 1;
  __device__ static int column(int i) { return (i * kWarp + lane_id()) * W; }
  int c_;
  bool vectors_;
  const T* x_;
  Vector<float, W> held_[kVectors];
};

/// Writes the probabilities of a row; every lane gets the result. A NaN makes all of them NaN.
template <bool Held, int W, class T>
__device__ RowSum softmax_row(const WarpsRow<Held, W, T>& row, float* y) {
  RowSum r{-std::numeric_limits<float>::infinity(), 0};
  row.each([&](int, const Vector<float, W>& x) {
    for (int l = 0; l < W; ++l) r.top = max(r.top, x[l]);
  });
  r.top = warp_max(r.top);
  row.each([&](int, const Vector<float, W>& x) {
    for (int l = 0; l < W; ++l) r.sum += exp(x[l] - r.top);
  });
  r.sum = warp_sum(r.sum);
  row.each([&](int column, const Vector<float, W>& x) {
    row.store(y, column, apply_each<W>([&](float v) { return exp(v - r.top) / r.sum; }, x));
  });
  return r;
}

/// How many scores stand before the label's, which is `own`: those above it, and equal ones of
/// smaller index.
template <bool Held, int W, class T>
__device__ int rank_of(int label, float own, const WarpsRow<Held, W, T>& row) {
  int before = 0;
  row.each([&](int column, const Vector<float, W>& x) {
    for (int l = 0; l < W; ++l) {
      if (x[l] > own || (x[l] == own && column + l < label)) ++before;
    }
  });
  return warp_sum(before);
}

template <bool Held, int W, class T>
__global__ void __launch_bounds__(kLossRows* kWarp)
    softmax_rows(int n, int c, bool vectors, const T* x, float* y) {
  const int row = row_of_warp();
  if (row >= n) return;  // the whole warp
  const std::int64_t begin = static_cast<std::int64_t>(row) * c;
  softmax_row(WarpsRow<Held, W, T>(c, vectors, x + begin), y + begin);
}

template <bool Held, int W, class T>
__global__ void __launch_bounds__(kLossRows* kWarp)
    softmax_loss_rows(int n, int c, bool vectors, const T* x, const std::int32_t* labels,
                      const StepState* state, float* probability, RowMetrics* rows) {
  const int row = row_of_warp();
  if (row >= n) return;  // the whole warp
  const std::int64_t begin = static_cast<std::int64_t>(row) * c;
  const WarpsRow<Held, W, T> scores(c, vectors, x + begin);
  const RowSum r = softmax_row(scores, probability + begin);
  if (row >= valid_rows(state, n)) return;  // its label is nobody's
  const int label = labels[row];
  const float own = load_float(x + begin + label);
  const int rank = rank_of(label, own, scores);
  if (lane_id() != 0) return;
  rows[row] = {log(r.sum) - (own - r.top), rank >= 1 ? 1.0F : 0.0F, rank >= 5 ? 1.0F : 0.0F, 0};
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

/// f(Width<W>{}, whether a row is held): 16 bytes of probabilities, which are fp32 always.
template <class F>
void by_row(const LossProblem& p, const F& f) {
  by_width<float>(p.c, true, [&](auto width) {
    p.c <= kHeldScores ? f(width, std::true_type{}) : f(width, std::false_type{});
  });
}

void run_softmax(const LossProblem& p, const Softmax::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    const auto* x = a.x.as<T>();
    auto* y = a.y.as<float>();
    by_row(p, [&]<int W, bool Held>(Width<W>, std::bool_constant<Held>) {
      launch(softmax_rows<Held, W, T>, launch_rows(p.n), stream, p.n, p.c, allow_vectors(x, y), x,
             y);
    });
  });
}

void run_loss(const LossProblem& p, const SoftmaxLoss::Args& a, StreamView stream) {
  auto* rows = static_cast<RowMetrics*>(a.context.workspace);
  by_type(a.x, [&]<class T>(T) {
    const auto* x = a.x.as<T>();
    auto* probability = a.probability.as<float>();
    by_row(p, [&]<int W, bool Held>(Width<W>, std::bool_constant<Held>) {
      launch(softmax_loss_rows<Held, W, T>, launch_rows(p.n), stream, p.n, p.c,
             allow_vectors(x, probability), x, a.labels.as<std::int32_t>(), a.context.state,
             probability, rows);
    });
  });
  run_sum_rows(p, rows, a.metrics.as<float>(), a.context.state, stream);
}

void run_loss_backward(const LossProblem& p, const SoftmaxLossBackward::Args& a,
                       StreamView stream) {
  by_type(a.dx, [&]<class T>(T) {
    const auto* probability = a.probability.as<float>();
    const auto* labels = a.labels.as<std::int32_t>();
    auto* dx = a.dx.as<T>();
    by_width<float>(p.c, allow_vectors(probability, dx), [&]<int W>(Width<W>) {
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
