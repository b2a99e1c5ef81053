// loops.h - the epilogues that oneDNN's backward primitives lack, as plain loops over one part.
#pragma once

#include <cstdint>

namespace fovea::onednn {

/// `rows` rows of `columns` floats; a row of `into` (and of the mask) starts `into_row` floats
/// after the one before, a row of `values` `values_row`.
struct Patch {
  std::int64_t rows = 1, columns = 0;
  std::int64_t into_row = 0, values_row = 0;
};

/// With a mask: into = (accumulate ? into : 0) + (mask > 0 ? values : 0), where `values` may be
/// `into` without `accumulate`. Without: into += values.
void merge(const Patch& patch, const float* values, const float* mask, bool accumulate,
           float* into);

/// y = max(0, y) over rows of `into_row`; NaN stays NaN, which oneDNN's own turns into 0.
void relu(const Patch& patch, float* y);

/// into[c] = (accumulate ? into[c] : 0) + sum over rows of values[row, c], rows in order.
void column_sums(const Patch& patch, const float* values, bool accumulate, float* into);

}  // namespace fovea::onednn
