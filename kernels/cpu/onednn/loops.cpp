#include <fovea/kernels/cpu/onednn/loops.h>
#include <fovea/kernels/cpu/simd/activation_loops.h>
#include <fovea/kernels/cpu/simd/dispatch.h>

#include <algorithm>
#include <type_traits>

namespace fovea::onednn {
namespace {

using simd::narrowed;
using simd::widened;

/// f(pointer to the elements as they are typed).
template <class F>
void with_type(Elements e, const F& f) {
  if (e.type == memory::data_type::bf16) {
    f(static_cast<bf16*>(e.data));
  } else {
    f(static_cast<float*>(e.data));
  }
}

// The value is loaded whatever the mask says: a branch on it would be mispredicted half the time.
template <class V, class T>
void merge_row(std::int64_t columns, const V* v, const T* mask, bool accumulate, T* out) {
  if (mask == nullptr) {
    for (std::int64_t i = 0; i < columns; ++i)
      out[i] = narrowed<T>(widened(out[i]) + widened(v[i]));
  } else if (accumulate) {
    for (std::int64_t i = 0; i < columns; ++i) {
      const float value = widened(v[i]);
      out[i] = narrowed<T>(widened(out[i]) + (widened(mask[i]) > 0.0F ? value : 0.0F));
    }
  } else {
    for (std::int64_t i = 0; i < columns; ++i) {
      const float value = widened(v[i]);
      out[i] = narrowed<T>(widened(mask[i]) > 0.0F ? value : 0.0F);
    }
  }
}

template <class V>
void sum_columns(const Patch& patch, const V* values, bool accumulate, float* into) {
  if (!accumulate) std::fill_n(into, patch.columns, 0.0F);
  for (std::int64_t row = 0; row < patch.rows; ++row) {
    const V* const v = values + row * patch.values_row;
    for (std::int64_t i = 0; i < patch.columns; ++i) into[i] += widened(v[i]);
  }
}

constexpr std::int64_t kChunk = 512;  // floats on the stack

template <class T>
void add_chunk(std::span<const float* const> terms, std::int64_t at, std::int64_t count,
               bool accumulate, T* into) {
  float sums[kChunk];
  const float* const first = terms.front() + at;
  if (accumulate) {
    for (std::int64_t i = 0; i < count; ++i) sums[i] = widened(into[at + i]) + first[i];
  } else {
    std::copy_n(first, count, sums);
  }
  for (const float* const term : terms.subspan(1)) {
    for (std::int64_t i = 0; i < count; ++i) sums[i] += term[at + i];
  }
  for (std::int64_t i = 0; i < count; ++i) into[at + i] = narrowed<T>(sums[i]);
}

}  // namespace

void merge(const Patch& patch, Elements values, const void* mask, bool accumulate, Elements into) {
  with_type(values, [&]<class V>(const V* from) {
    with_type(into, [&]<class T>(T* to) {
      const auto* const masks = static_cast<const T*>(mask);
      for (std::int64_t row = 0; row < patch.rows; ++row) {
        const T* const m = masks == nullptr ? nullptr : masks + row * patch.into_row;
        merge_row(patch.columns, from + row * patch.values_row, m, accumulate,
                  to + row * patch.into_row);
      }
    });
  });
}

void activate(const Epilogue& e, const Patch& patch, Elements y) {
  with_type(y, [&]<class T>(T* first) {
    for (std::int64_t row = 0; row < patch.rows; ++row) {
      T* const out = first + row * patch.into_row;
      constexpr std::int64_t kFirst = 0;
      if constexpr (std::is_same_v<T, float>) {
        if (e.tanh) simd::run_as<simd::TanhLoop>(best_isa(), kFirst, patch.columns, out, out);
      }
      if (e.relu) simd::run_as<simd::ReluLoop>(best_isa(), kFirst, patch.columns, out, out);
    }
  });
}

void column_sums(const Patch& patch, Elements values, bool accumulate, float* into) {
  with_type(values, [&](const auto* first) { sum_columns(patch, first, accumulate, into); });
}
void column_sums(const Patch& patch, const float* values, bool accumulate, float* into) {
  sum_columns(patch, values, accumulate, into);
}

void add_up(std::span<const float* const> terms, std::int64_t begin, std::int64_t end,
            bool accumulate, Elements into) {
  with_type(into, [&](auto* to) {
    for (std::int64_t at = begin; at < end; at += kChunk) {
      add_chunk(terms, at, std::min(kChunk, end - at), accumulate, to);
    }
  });
}

}  // namespace fovea::onednn
