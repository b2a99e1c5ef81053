// direct_tiled.h - what the three passes of direct_tiled have in common: their extents as products
// of matrices, and what they decline. docs/kernels/direct_tiled.md derives them.
#pragma once

#include <fovea/kernels/cuda/tile/tiled_algorithm.h>
#include <fovea/kernels/ops/conv.h>

#include <cstdint>
#include <string>

namespace fovea::FOVEA_TARGET {

inline constexpr int kMaxGroups = 65'535;  // the grid's second extent

/// Declines what the grid cannot hold.
inline Verdict fits_grid(const ConvProblem& p) {
  if (p.groups > kMaxGroups) return Verdict::no("more than 65535 groups");
  return {};
}

/// y[pixels, k] = x[pixels, taps and channels] w[k, taps and channels]^T
inline Extents forward_extents(const ConvProblem& p) {
  return {.rows = std::int64_t{p.n} * p.p() * p.q(),
          .columns = p.k_per_group(),
          .depth = std::int64_t{p.r} * p.s * p.c_per_group(),
          .groups = p.groups};
}

/// dx[cells, c] = dy[cells, taps and filters] w[taps and filters, c]; cells and taps on average
/// over the phases.
inline Extents dgrad_extents(const ConvProblem& p) {
  const std::int64_t phases = std::int64_t{p.u} * p.v;
  return {.rows = std::int64_t{p.n} * p.h * p.w,
          .columns = p.c_per_group(),
          .depth = (std::int64_t{p.r} * p.s * p.k_per_group() + phases - 1) / phases,
          .groups = p.groups};
}

/// dw[k, taps and channels] = dy[pixels, k]^T x[pixels, taps and channels]
inline Extents wgrad_extents(const ConvProblem& p) {
  return {.rows = p.k_per_group(),
          .columns = std::int64_t{p.r} * p.s * p.c_per_group(),
          .depth = std::int64_t{p.n} * p.p() * p.q(),
          .groups = p.groups,
          .extra = p.epilogue.db ? p.k : 0,
          .may_split = true};
}

}  // namespace fovea::FOVEA_TARGET
