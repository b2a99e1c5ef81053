// metrics.cu - a batch's metrics from its rows', and the ring that the host reads them from.
// One block sums: thread t takes rows t, t + 256, ... in order, then the block in a fixed order.
// 16 bytes read per row, 16 written; the ring takes 20 bytes.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/loss_rows.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/device/vector.h>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kSumThreads = 256;

struct SumSmem {
  ReduceScratch<float, kSumThreads> scratch;
};

__global__ void __launch_bounds__(kSumThreads)
    sum_rows(int n, const RowMetrics* rows, float* metrics, StepState* state) {
  auto& s = block_shared<SumSmem>();
  const int valid = valid_rows(state, n);
  float loss = 0, first = 0, second = 0;
  for (int i = static_cast<int>(threadIdx.x); i < valid; i += kSumThreads) {
    const auto row = load_vector<4>(&rows[i].loss);
    loss += row[0];
    first += row[1];
    second += row[2];
  }
  loss = block_sum(loss, s.scratch);
  first = block_sum(first, s.scratch);
  second = block_sum(second, s.scratch);
  if (threadIdx.x != 0) return;
  const float mean = valid > 0 ? loss / static_cast<float>(valid) : 0.0F;
  metrics[0] = mean;
  metrics[1] = first;
  metrics[2] = second;
  metrics[3] = static_cast<float>(valid);
  if (state != nullptr && !is_finite(mean)) state->nonfinite = 1;
}

__global__ void record(const float* metrics, const StepState* state, float* ring) {
  constexpr int kFields = RecordMetrics::kFields;
  const int field = static_cast<int>(threadIdx.x);
  if (field >= kFields) return;
  const float flag = state->nonfinite != 0 ? 1.0F : 0.0F;
  ring[state->slot * kFields + field] = field == kFields - 1 ? flag : metrics[field];
}

void run_record(const LossProblem&, const RecordMetrics::Args& a, StreamView stream) {
  launch(record, {.grid = {1}, .block = {kWarp}}, stream, a.metrics.as<float>(), a.context.state,
         a.ring.as<float>());
}

}  // namespace

std::size_t loss_workspace(const LossProblem& p) {
  return static_cast<std::size_t>(p.n) * sizeof(RowMetrics);
}

void run_sum_rows(const LossProblem& p, const RowMetrics* rows, float* metrics, StepState* state,
                  StreamView stream) {
  launch(sum_rows, {.grid = {1}, .block = {kSumThreads}, .smem = sizeof(SumSmem)}, stream, p.n,
         rows, metrics, state);
}

Algorithm<RecordMetrics> record_metrics() {
  return make_algorithm<RecordMetrics>({.name = "ring", .run = run_record});
}

}  // namespace fovea::FOVEA_TARGET
