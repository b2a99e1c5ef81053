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

template <class T>
float largest(const T* x, int count) {
  float lane[kSumLanes];
  std::fill_n(lane, kSumLanes, widened(x[0]));
  const auto take = [&](int l, float v) { lane[l] = v > lane[l] ? v : lane[l]; };
  int i = 0;
  for (; i + kSumLanes <= count; i += kSumLanes) {
    for (int l = 0; l < kSumLanes; ++l) take(l, widened(x[i + l]));
  }
  for (int l = 0; i < count; ++i, ++l) take(l, widened(x[i]));
  return *std::max_element(lane, lane + kSumLanes);
}

// y = exp(x - max) / sum. Returns the sum.
template <class T>
float softmax_row(const T* x, int classes, float max, float* y) {
#pragma GCC ivdep
  for (int c = 0; c < classes; ++c) y[c] = exp(widened(x[c]) - max);
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
template <class T>
std::int32_t rank_of(const T* x, int classes, int label) {
  const float score = widened(x[label]);
  std::int32_t rank = 0;
  for (int c = 0; c < label; ++c) rank += widened(x[c]) >= score;
  for (int c = label + 1; c < classes; ++c) rank += widened(x[c]) > score;
  return rank;
}

struct SoftmaxLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, int classes, const T* x, float* y) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* in = x + row * classes;
      softmax_row(in, classes, largest(in, classes), y + row * classes);
    }
  }
};

struct SoftmaxLossLoop {
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, int classes, int valid, const T* x,
                  const std::int32_t* labels, float* probability, RowLoss* rows) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* in = x + row * classes;
      const float max = largest(in, classes);
      const float sum = softmax_row(in, classes, max, probability + row * classes);
      if (row >= valid) continue;
      const int label = labels[row];
      rows[row] = {std::log(sum) + (max - widened(in[label])), rank_of(in, classes, label)};
    }
  }
};

template <class T>
void softmax(const LossProblem& p, const Softmax::Args& args, Isa isa) {
  const T* x = args.x.as<T>();
  run_parts<SoftmaxLoop>(isa, p.n, rows_per_grain(p.c * 4), p.c, x, args.y.as<float>());
}

template <class T>
void softmax_loss(const LossProblem& p, const SoftmaxLoss::Args& args, Isa isa) {
  const T* x = args.x.as<T>();
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
  template <class T>
  static void run(std::int64_t begin, std::int64_t end, int classes, int valid,
                  const float* probability, const std::int32_t* labels, T* dx) {
    const auto count = static_cast<float>(valid);
    for (std::int64_t row = begin; row < end; ++row) {
      T* out = dx + row * classes;
      const float* in = probability + row * classes;
      if (row >= valid) {
        std::fill_n(out, classes, T{});
        continue;
      }
#pragma GCC ivdep
      for (int c = 0; c < classes; ++c) out[c] = narrowed<T>(in[c] / count);
      out[labels[row]] = narrowed<T>((in[labels[row]] - 1.0F) / count);
    }
  }
};

template <class T>
void softmax_loss_backward(const LossProblem& p, const SoftmaxLossBackward::Args& args, Isa isa) {
  const float* probability = args.probability.as<float>();
  const std::int32_t* labels = args.labels.as<std::int32_t>();
  run_parts<SoftmaxLossBackwardLoop>(isa, p.n, rows_per_grain(p.c), p.c,
                                     valid_rows(args.context, p.n), probability, labels,
                                     args.dx.as<T>());
}

void record(const LossProblem&, const RecordMetrics::Args& args, Isa) {
  const StepState& state = state_of(args.context, "record");
  float* slot = args.ring.as<float>() + std::int64_t{state.slot} * RecordMetrics::kFields;
  std::copy_n(args.metrics.as<float>(), 4, slot);
  slot[4] = state.nonfinite != 0 ? 1.0F : 0.0F;
}

}  // namespace

void add_softmax(Registry& registry, Isa isa) {
  add_loops<Softmax>(registry, isa, &Softmax::Args::x, softmax<float>, softmax<bf16>);
  add_loops<SoftmaxLoss>(
      registry, isa, &SoftmaxLoss::Args::x, softmax_loss<float>, softmax_loss<bf16>,
      [](const LossProblem& p) { return static_cast<std::size_t>(p.n) * sizeof(RowLoss); });
  add_loops<SoftmaxLossBackward>(registry, isa, &SoftmaxLossBackward::Args::dx,
                                 softmax_loss_backward<float>, softmax_loss_backward<bf16>);
  add_loops<RecordMetrics>(registry, isa, &RecordMetrics::Args::metrics, record, record);
}

}  // namespace fovea::simd
