// loss.cpp - softmax, losses and the ring of metrics by their definitions (loss.h), in fp64.
#include <fovea/kernels/cpu/reference/parts.h>

#include <algorithm>
#include <cmath>

namespace fovea::reference {
namespace {

// y = exp(x - max) / sum; returns log(sum exp(x)).
double softmax_row(const float* x, float* y, int classes) {
  double largest = x[0];
  for (int c = 1; c < classes; ++c) largest = std::max(largest, double{x[c]});
  double sum = 0;
  for (int c = 0; c < classes; ++c) sum += std::exp(x[c] - largest);
  for (int c = 0; c < classes; ++c) y[c] = static_cast<float>(std::exp(x[c] - largest) / sum);
  return largest + std::log(sum);
}

// How many classes come before the label: larger scores, and equal ones before it.
int rank_of(const float* x, int classes, int label) {
  int rank = 0;
  for (int c = 0; c < classes; ++c) rank += x[c] > x[label] || (x[c] == x[label] && c < label);
  return rank;
}

void store_metrics(const Context& context, const TensorView& to, double loss_sum, double first,
                   double second, int valid) {
  const double mean = valid > 0 ? loss_sum / valid : 0.0;
  float* metrics = to.as<float>();
  metrics[0] = static_cast<float>(mean);
  metrics[1] = static_cast<float>(first);
  metrics[2] = static_cast<float>(second);
  metrics[3] = static_cast<float>(valid);
  if (context.state != nullptr && !std::isfinite(metrics[0])) context.state->nonfinite = 1;
}

void softmax(const LossProblem& p, const Softmax::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  float* y = floats.out(args.y);
  for (std::int64_t i = 0; i < p.n; ++i) softmax_row(x + i * p.c, y + i * p.c, p.c);
}

void softmax_loss(const LossProblem& p, const SoftmaxLoss::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  const std::int32_t* labels = args.labels.as<std::int32_t>();
  float* probability = floats.out(args.probability);
  const int valid = valid_rows(args.context, p.n);
  double loss = 0;
  int top1_errors = 0, top5_errors = 0;
  for (std::int64_t i = 0; i < p.n; ++i) {
    const float* row = x + i * p.c;
    const double log_sum = softmax_row(row, probability + i * p.c, p.c);
    if (i >= valid) continue;
    loss += log_sum - row[labels[i]];
    const int rank = rank_of(row, p.c, labels[i]);
    top1_errors += rank >= 1;
    top5_errors += rank >= 5;
  }
  store_metrics(args.context, args.metrics, loss, top1_errors, top5_errors, valid);
}

void softmax_loss_backward(const LossProblem& p, const SoftmaxLossBackward::Args& args,
                           Floats& floats) {
  const float* probability = floats.in(args.probability);
  const std::int32_t* labels = args.labels.as<std::int32_t>();
  float* dx = floats.out(args.dx);
  const int valid = valid_rows(args.context, p.n);
  for (std::int64_t i = 0; i < p.n; ++i) {
    for (int c = 0; c < p.c; ++c) {
      const std::int64_t at = i * p.c + c;
      const double target = i < valid && labels[i] == c ? 1.0 : 0.0;
      dx[at] = i < valid ? static_cast<float>((probability[at] - target) / valid) : 0.0F;
    }
  }
}

void mse_loss(const LossProblem& p, const MseLoss::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  const float* target = floats.in(args.target);
  const int valid = valid_rows(args.context, p.n);
  double loss = 0, absolute = 0;
  for (std::int64_t i = 0; i < std::int64_t{valid} * p.c; ++i) {
    const double difference = double{x[i]} - double{target[i]};
    loss += 0.5 * difference * difference;
    absolute += std::abs(difference);
  }
  store_metrics(args.context, args.metrics, loss, absolute, 0.0, valid);
}

void mse_loss_backward(const LossProblem& p, const MseLossBackward::Args& args, Floats& floats) {
  const float* x = floats.in(args.x);
  const float* target = floats.in(args.target);
  float* dx = floats.out(args.dx);
  const int valid = valid_rows(args.context, p.n);
  for (std::int64_t i = 0; i < std::int64_t{p.n} * p.c; ++i) {
    dx[i] = i < std::int64_t{valid} * p.c
                ? static_cast<float>((double{x[i]} - double{target[i]}) / valid)
                : 0.0F;
  }
}

void record(const LossProblem&, const RecordMetrics::Args& args) {
  const StepState& state = state_of(args.context, "record");
  float* slot = args.ring.as<float>() + std::int64_t{state.slot} * RecordMetrics::kFields;
  std::copy_n(args.metrics.as<float>(), 4, slot);
  slot[4] = state.nonfinite != 0 ? 1.0F : 0.0F;
}

}  // namespace

void add_loss(Registry& registry) {
  add_loops<Softmax>(registry, softmax);
  add_loops<SoftmaxLoss>(registry, softmax_loss);
  add_loops<SoftmaxLossBackward>(registry, softmax_loss_backward);
  add_loops<MseLoss>(registry, mse_loss);
  add_loops<MseLossBackward>(registry, mse_loss_backward);
  add_loops<RecordMetrics>(registry, record);
}

}  // namespace fovea::reference
