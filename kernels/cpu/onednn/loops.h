// loops.h - the epilogues that oneDNN's backward primitives lack, as plain loops over one part.
// bf16 is widened when it is read, and rounded once, when it is stored.
#pragma once

#include <fovea/kernels/cpu/onednn/api.h>

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

/// y = max(0, y) over rows of `into_row`; NaN stays NaN, which oneDNN's own turns into 0.
void relu(const Patch& patch, Elements y);

/// into[c] = (accumulate ? into[c] : 0) + sum over rows of values[row, c], rows in order.
void column_sums(const Patch& patch, Elements values, bool accumulate, float* into);
void column_sums(const Patch& patch, const float* values, bool accumulate, float* into);

/// into[i] = (accumulate ? into[i] : 0) + the sum of terms[t][i] over t, in their order, for i in
/// [begin, end).
void add_up(std::span<const float* const> terms, std::int64_t begin, std::int64_t end,
            bool accumulate, Elements into);

}  // namespace fovea::onednn
