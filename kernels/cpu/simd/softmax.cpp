// softmax.cpp - softmax, and its loss. Sums run over 16 lanes whatever the instruction set, so that
// all give the same bits; the batch's sums run over its rows in order, in fp64.
#include <fovea/kernels/cpu/simd/math.h>
#include <fovea/kernels/cpu/simd/parts.h>

#include <algorithm>
#include <cmath>

namespace fovea::simd {
namespace {

// What a row adds to the metrics.
struct RowLoss {
  float loss = 0;
  std::int32_t rank = 0;
};

inline float largest(const float* x, int count) {
  float lane[kSumLanes];
  std::fill_n(lane, kSumLanes, x[0]);
  int i = 0;
  for (; i + kSumLanes <= count; i += kSumLanes) {
    for (int l = 0; l < kSumLanes; ++l) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
  }
  for (int l = 0; i < count; ++i, ++l) lane[l] = x[i] > lane[l] ? x[i] : lane[l];
  return *std::max_element(lane, lane + kSumLanes);
}

// y = exp(x - max) / sum. Returns the sum.
inline float softmax_row(const float* x, int classes, float max, float* y) {
#pragma GCC ivdep
  for (int c = 0; c < classes; ++c) y[c] = exp(x[c] - max);
  float lane[kSumLanes] = {};
  int i = 0;
  for (; i + kSumLanes <= classes; i += kSumLanes) {
    for (int l = 0; l < kSumLanes; ++l) lane[l] += y[i + l];
  }
  for (int l = 0; i < classes; ++i, ++l) lane[l] += y[i];
  float sum = 0;
  for (const float l : lane) sum += l;
  for (int c = 0; c < classes; ++c) y[c] /= sum;
  return sum;
}

// Classes before the label: larger scores, and equal ones before it.
inline std::int32_t rank_of(const float* x, int classes, int label) {
  const float score = x[label];
  std::int32_t rank = 0;
  for (int c = 0; c < label; ++c) rank += x[c] >= score;
  for (int c = label + 1; c < classes; ++c) rank += x[c] > score;
  return rank;
}

struct SoftmaxLoop {
  static void run(std::int64_t begin, std::int64_t end, int classes, const float* x, float* y) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* in = x + row * classes;
      softmax_row(in, classes, largest(in, classes), y + row * classes);
    }
  }
};

struct SoftmaxLossLoop {
  static void run(std::int64_t begin, std::int64_t end, int classes, int valid, const float* x,
                  const std::int32_t* labels, float* probability, RowLoss* rows) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* in = x + row * classes;
      const float max = largest(in, classes);
      const float sum = softmax_row(in, classes, max, probability + row * classes);
      if (row >= valid) continue;
      const int label = labels[row];
      rows[row] = {std::log(sum) + (max - in[label]), rank_of(in, classes, label)};
    }
  }
};

void softmax(const LossProblem& p, const Softmax::Args& args, Isa isa) {
  const float* x = args.x.as<float>();
  run_parts<SoftmaxLoop>(isa, p.n, rows_per_grain(p.c * 4), p.c, x, args.y.as<float>());
}

void softmax_loss(const LossProblem& p, const SoftmaxLoss::Args& args, Isa isa) {
  const float* x = args.x.as<float>();
  const std::int32_t* labels = args.labels.as<std::int32_t>();
  auto* rows = static_cast<RowLoss*>(args.context.workspace);
  const int valid = valid_rows(args.context, p.n);
  run_parts<SoftmaxLossLoop>(isa, p.n, rows_per_grain(p.c * 4), p.c, valid, x, labels,
                             args.probability.as<float>(), rows);
  double loss = 0;
  int top1_errors = 0, top5_errors = 0;
  for (int row = 0; row < valid; ++row) {
    loss += rows[row].loss;
    top1_errors += rows[row].rank >= 1;
    top5_errors += rows[row].rank >= 5;
  }
  float* metrics = args.metrics.as<float>();
  metrics[0] = valid > 0 ? static_cast<float>(loss / valid) : 0.0F;
  metrics[1] = static_cast<float>(top1_errors);
  metrics[2] = static_cast<float>(top5_errors);
  metrics[3] = static_cast<float>(valid);
  if (args.context.state != nullptr && !std::isfinite(metrics[0]))
    args.context.state->nonfinite = 1;
}

struct SoftmaxLossBackwardLoop {
  static void run(std::int64_t begin, std::int64_t end, int classes, int valid,
                  const float* probability, const std::int32_t* labels, float* dx) {
    const auto count = static_cast<float>(valid);
    for (std::int64_t row = begin; row < end; ++row) {
      float* out = dx + row * classes;
      const float* in = probability + row * classes;
      if (row >= valid) {
        std::fill_n(out, classes, 0.0F);
        continue;
      }
#pragma GCC ivdep
      for (int c = 0; c < classes; ++c) out[c] = in[c] / count;
      out[labels[row]] = (in[labels[row]] - 1.0F) / count;
    }
  }
};

void softmax_loss_backward(const LossProblem& p, const SoftmaxLossBackward::Args& args, Isa isa) {
  const float* probability = args.probability.as<float>();
  const std::int32_t* labels = args.labels.as<std::int32_t>();
  run_parts<SoftmaxLossBackwardLoop>(isa, p.n, rows_per_grain(p.c), p.c,
                                     valid_rows(args.context, p.n), probability, labels,
                                     args.dx.as<float>());
}

void record(const LossProblem&, const RecordMetrics::Args& args, Isa) {
  const StepState& state = state_of(args.context, "record");
  float* slot = args.ring.as<float>() + std::int64_t{state.slot} * RecordMetrics::kFields;
  std::copy_n(args.metrics.as<float>(), 4, slot);
  slot[4] = state.nonfinite != 0 ? 1.0F : 0.0F;
}

}  // namespace

void add_softmax(Registry& registry, Isa isa) {
  add_loops<Softmax>(registry, isa, softmax);
  add_loops<SoftmaxLoss>(registry, isa, softmax_loss, [](const LossProblem& p) {
    return static_cast<std::size_t>(p.n) * sizeof(RowLoss);
  });
  add_loops<SoftmaxLossBackward>(registry, isa, softmax_loss_backward);
  add_loops<RecordMetrics>(registry, isa, record);
}

}  // namespace fovea::simd
