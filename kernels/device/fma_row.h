// fma_row.h - a row of fused multiply-adds: the innermost step of every register-blocked product.
#pragma once

#include <fovea/kernels/device/math.h>
#include <fovea/kernels/device/target.h>

#ifdef FOVEA_EMULATED
#include <immintrin.h>
#endif

namespace fovea::FOVEA_TARGET {

/// c[j] = fma(a, b[j], c[j]) for all j; on a card from the last one to the first where `backwards`.
#ifdef FOVEA_EMULATED

// By the CPU's own vector instructions: g++ 12 turns the plain loops of a register tile into
// shuffles that take six times as long. Registers are no memory: nobody hears of them.
template <int N>
[[gnu::no_sanitize("thread")]] void fma_row(float a, const float (&b)[N], float (&c)[N],
                                            [[maybe_unused]] bool backwards = false) {
#ifdef FOVEA_COUNT_ACCESSES
  emulator::count_multiply_adds(N);
#endif
  int j = 0;
  for (; j + 8 <= N; j += 8) {
    // b was written four at a time: a load of eight would wait until both stores reach the cache.
    const __m256 b8 = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(b + j)),
                                           _mm_loadu_ps(b + j + 4), 1);
    _mm256_storeu_ps(c + j, _mm256_fmadd_ps(_mm256_set1_ps(a), b8, _mm256_loadu_ps(c + j)));
  }
  for (; j + 4 <= N; j += 4) {
    _mm_storeu_ps(c + j, _mm_fmadd_ps(_mm_set1_ps(a), _mm_loadu_ps(b + j), _mm_loadu_ps(c + j)));
  }
  for (; j < N; ++j) c[j] = ::fmaf(a, b[j], c[j]);
}

#else

template <int N>
__device__ __forceinline__ void fma_row(float a, const float (&b)[N], float (&c)[N],
                                        bool backwards = false) {
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const int j = backwards ? N - 1 - i : i;
    c[j] = fma(a, b[j], c[j]);
  }
}

#endif

}  // namespace fovea::FOVEA_TARGET
