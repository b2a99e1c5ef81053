// lrn_pool.cuh - what the two kernels of LRN with max pooling share: how a plane is cut for blocks,
// and the one that takes every problem, for where addresses do not suit the other.
#pragma once

#include <fovea/kernels/ops/lrn_pool.h>
#include <fovea/kernels/cuda/pool.cuh>

#include <algorithm>

namespace fovea::FOVEA_TARGET {

/// How the plane is cut: `extent` rows or columns into parts of `size`.
struct Cut {
  int extent, size, parts;
  Cut(int all, int at_most)
      : extent{all}, size{(all + (all - 1) / at_most) / ((all - 1) / at_most + 1)}, parts{0} {
    parts = (all + size - 1) / size;
  }
  __device__ __forceinline__ Range part(int i) const {
    return {i * size, min((i + 1) * size, extent)};
  }
};

/// Into so many parts, fewer where that leaves one less than `least`.
inline Cut cut_into(int extent, int parts, int least) {
  const int n = std::max(1, std::min(parts, extent / least));
  return {extent, (extent + n - 1) / n};
}

/// What a block works on: blocks of one image are neighbours, those of one part of its rows first.
struct PlanePart {
  int image;
  Range rows, columns;
  __device__ __forceinline__ PlanePart(const Cut& row_cut, const Cut& column_cut) {
    const auto block = static_cast<int>(blockIdx.x);
    columns = column_cut.part(block % column_cut.parts);
    rows = row_cut.part(block / column_cut.parts % row_cut.parts);
    image = block / column_cut.parts / row_cut.parts;
  }
};

// lrn_pool.cu
void run_lrn_pool_rolling(const LrnPoolProblem& p, const LrnPoolForward::Args& a,
                          StreamView stream);
void run_lrn_pool_rolling(const LrnPoolProblem& p, const LrnPoolBackward::Args& a,
                          StreamView stream);

}  // namespace fovea::FOVEA_TARGET
