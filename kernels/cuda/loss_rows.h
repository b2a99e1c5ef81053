// loss_rows.h - what the losses share: rows are judged one by one, then summed in a fixed order.
#pragma once

#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/device/target.h>
#include <fovea/kernels/ops/loss.h>

#include <cstddef>
#include <source_location>

namespace fovea::FOVEA_TARGET {

/// One row's part of BatchMetrics: f32 [n,4] in the workspace of a loss.
struct alignas(16) RowMetrics {
  float loss, first, second, unused;
};

/// Workspace of a loss: RowMetrics of each row.
std::size_t loss_workspace(const LossProblem& p);

/// Enqueues the sum over the rows that count: metrics = {mean loss, sum of first, sum of second,
/// their number}; sets state->nonfinite where the loss is not finite. metrics.cu.
void run_sum_rows(const LossProblem& p, const RowMetrics* rows, float* metrics, StepState* state,
                  StreamView stream);

/// A warp a row, so many rows a block.
inline constexpr int kLossRows = 4;
constexpr Launch launch_rows(int n, std::source_location where = std::source_location::current()) {
  return {.grid = {ceil_div(n, kLossRows)}, .block = {kLossRows * kWarp}, .where = where};
}

/// The warp's row in a launch_rows(); at n or beyond it has none.
__device__ __forceinline__ int row_of_warp() {
  return static_cast<int>(blockIdx.x) * kLossRows + warp_id();
}

/// Rows that count: all of them where no step is being made.
__device__ __forceinline__ int valid_rows(const StepState* state, int n) {
  if (state == nullptr) return n;
  return state->valid < n ? state->valid : n;
}

}  // namespace fovea::FOVEA_TARGET
