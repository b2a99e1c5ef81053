// loss.h - what a net is judged by. Rows at or beyond state->valid give no loss and no gradient;
// sums run in a fixed order.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>

#include <string>

namespace fovea {

/// What a loss writes: f32 [4].
struct BatchMetrics {
  float loss = 0;         // mean over the valid rows
  float top1_errors = 0;  // rows whose label has not the largest score; mse: sum of |y - target|
  float top5_errors = 0;  // rows whose label is not among the five largest scores; mse: 0
  float valid = 0;        // rows that counted
};
static_assert(sizeof(BatchMetrics) == 4 * sizeof(float));

struct FOVEA_API LossProblem {
  int n = 0, c = 0;  // rows, classes (or outputs)
  friend constexpr bool operator==(const LossProblem&, const LossProblem&) = default;
};
FOVEA_API std::string to_string(const LossProblem& p, bool canonical = false);

/// Probabilities: y[i,:] = exp(x[i,:] - max) / sum.
struct Softmax {
  using Problem = LossProblem;
  static constexpr std::string_view kName = "softmax";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x;
    TensorView y;
    Context context;
  };
};

/// Softmax with cross entropy: loss_i = log(sum exp(x_i)) - x_i[label]. A label's rank counts the
/// scores above its own, and equal ones before it. Sets state->nonfinite for a loss that is not
/// finite.
struct SoftmaxLoss {
  using Problem = LossProblem;
  static constexpr std::string_view kName = "softmax_loss";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x, labels;             // f32 or bf16 [n,c]; i32 [n], each in [0, c)
    TensorView probability, metrics;  // f32 [n,c]; f32 [4]
    Context context;
  };
};

/// dx = (probability - onehot(label)) / valid; 0 in rows that do not count.
struct SoftmaxLossBackward {
  using Problem = LossProblem;
  static constexpr std::string_view kName = "softmax_loss";
  static constexpr Pass kPass = Pass::dgrad;
  struct Args {
    TensorView probability, labels;
    TensorView dx;
    Context context;
  };
};

/// Mean squared error: loss_i = 1/2 * sum over c of (x - target)^2.
struct MseLoss {
  using Problem = LossProblem;
  static constexpr std::string_view kName = "mse_loss";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x, target;  // f32 or bf16 [n,c]; f32 [n,c]
    TensorView metrics;    // f32 [4]
    Context context;
  };
};

/// dx = (x - target) / valid; 0 in rows that do not count.
struct MseLossBackward {
  using Problem = LossProblem;
  static constexpr std::string_view kName = "mse_loss";
  static constexpr Pass kPass = Pass::dgrad;
  struct Args {
    TensorView x, target;
    TensorView dx;
    Context context;
  };
};

/// Appends the step's metrics to a ring: ring[state->slot] = {metrics, nonfinite flag}, so that the
/// host can read losses without stopping the step. n = slots.
struct RecordMetrics {
  using Problem = LossProblem;
  static constexpr std::string_view kName = "record";
  static constexpr Pass kPass = Pass::forward;
  static constexpr int kFields = 5;  // BatchMetrics, then nonfinite as 0 or 1
  struct Args {
    TensorView metrics;  // f32 [4]
    TensorView ring;     // f32 [slots, 5]
    Context context;
  };
};

}  // namespace fovea
