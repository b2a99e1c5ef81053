#include <fovea/kernels/cpu/onednn/loops.h>

#include <algorithm>

namespace fovea::onednn {

void merge(const Patch& patch, const float* values, const float* mask, bool accumulate,
           float* into) {
  for (std::int64_t row = 0; row < patch.rows; ++row) {
    const float* const v = values + row * patch.values_row;
    const float* const m = mask + (mask != nullptr ? row * patch.into_row : 0);
    float* const out = into + row * patch.into_row;
    // The value is loaded whatever the mask says: a branch on it would be mispredicted half the
    // time.
    if (mask == nullptr) {
      for (std::int64_t i = 0; i < patch.columns; ++i) out[i] += v[i];
    } else if (accumulate) {
      for (std::int64_t i = 0; i < patch.columns; ++i) {
        const float value = v[i];
        out[i] += m[i] > 0.0F ? value : 0.0F;
      }
    } else {
      for (std::int64_t i = 0; i < patch.columns; ++i) {
        const float value = v[i];
        out[i] = m[i] > 0.0F ? value : 0.0F;
      }
    }
  }
}

void relu(const Patch& patch, float* y) {
  for (std::int64_t row = 0; row < patch.rows; ++row) {
    float* const out = y + row * patch.into_row;
    for (std::int64_t i = 0; i < patch.columns; ++i) out[i] = out[i] < 0.0F ? 0.0F : out[i];
  }
}

void column_sums(const Patch& patch, const float* values, bool accumulate, float* into) {
  if (!accumulate) std::fill_n(into, patch.columns, 0.0F);
  for (std::int64_t row = 0; row < patch.rows; ++row) {
    const float* const v = values + row * patch.values_row;
    for (std::int64_t i = 0; i < patch.columns; ++i) into[i] += v[i];
  }
}

}  // namespace fovea::onednn
