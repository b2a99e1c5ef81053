// reduce.h - the second half of a split reduction.
#pragma once

#include <fovea/kernels/cuda/epilogue.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

/// A matrix of partial sums for each part, one after the other, each `count` long.
struct Partials {
  const float* sums = nullptr;
  std::int64_t count = 0;
  int parts = 0;
};

/// out[i] = sum over parts, in order; added to out[i] if `accumulate`. E: float or bf16.
template <class E>
void run_reduce(const Partials& from, E* out, bool accumulate, StreamView stream);
/// y[i] = epilogue(sum over parts, i % columns).
template <class E>
void run_reduce(const Partials& from, E* y, int columns, const ForwardEpilogue& epilogue,
                StreamView stream);
/// dx[i] = epilogue(sum over parts).
template <class E>
void run_reduce(const Partials& from, E* dx, const DgradEpilogue<E>& epilogue, StreamView stream);

}  // namespace fovea::FOVEA_TARGET
