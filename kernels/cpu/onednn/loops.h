// loops.h - the epilogues that oneDNN's primitives lack or are slow at, as plain loops over one
// part. bf16 is widened when it is read, and rounded once, when it is stored.
#pragma once

#include <fovea/kernels/cpu/onednn/api.h>
#include <fovea/kernels/ops/conv.h>

#include <cstdint>
#include <span>

namespace fovea::onednn {

/// `rows` rows of `columns` elements; a row of `into` (and of the mask) starts `into_row` elements
/// after the one before, a row of `values` `values_row`.
struct Patch {
  std::int64_t rows = 1, columns = 0;
  std::int64_t into_row = 0, values_row = 0;
};

/// With a mask, of the type of `into`: into = (accumulate ? into : 0) + (mask > 0 ? values : 0),
/// where `values` may be `into` without `accumulate`. Without: into += values.
void merge(const Patch& patch, Elements values, const void* mask, bool accumulate, Elements into);

/// Whether activate() follows a forward primitive: for ReLU, as oneDNN's own turns NaN into 0, and
/// for tanh in fp32, where oneDNN's is 3 times slower without AVX-512. In bf16 oneDNN's is fused,
/// so that nothing is rounded between.
inline bool activates(const Epilogue& e, memory::data_type type) {
  return e.relu || (e.tanh && type == memory::data_type::f32);
}
/// y = max(0, y), where NaN stays NaN, or tanh y as engine simd has it, over rows of `into_row`.
void activate(const Epilogue& e, const Patch& patch, Elements y);

/// into[c] = (accumulate ? into[c] : 0) + sum over rows of values[row, c], rows in order.
void column_sums(const Patch& patch, Elements values, bool accumulate, float* into);
void column_sums(const Patch& patch, const float* values, bool accumulate, float* into);

/// into[i] = (accumulate ? into[i] : 0) + the sum of terms[t][i] over t, in their order, for i in
/// [begin, end).
void add_up(std::span<const float* const> terms, std::int64_t begin, std::int64_t end,
            bool accumulate, Elements into);

}  // namespace fovea::onednn
