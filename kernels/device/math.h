// math.h - the functions of real numbers that kernels may call, from one place. fma, sqrt, min, max
// and abs are exact and equal on both devices; exp, log, pow, tanh and rsqrt are within 2 ulp (CUDA
// programming guide, appendix "Mathematical functions": exp 2, log 1, pow 4, tanh 2, rsqrt 2; glibc
// 1) and may differ in the last bits. Contraction is off: where a fused multiply-add is meant, say
// fma.
#pragma once

#include <fovea/kernels/device/target.h>

#include <cmath>

namespace fovea::FOVEA_TARGET {

/// a * b + c with one rounding.
__device__ __forceinline__ float fma(float a, float b, float c) {
#ifdef FOVEA_COUNT_ACCESSES
  emulator::count_multiply_adds(1);
#endif
  return ::fmaf(a, b, c);
}
__device__ __forceinline__ float exp(float x) { return ::expf(x); }
__device__ __forceinline__ float log(float x) { return ::logf(x); }
__device__ __forceinline__ float pow(float x, float y) { return ::powf(x, y); }
__device__ __forceinline__ float tanh(float x) { return ::tanhf(x); }
__device__ __forceinline__ float sqrt(float x) { return ::sqrtf(x); }
/// 1 / sqrt(x), within 2 ulp.
__device__ __forceinline__ float rsqrt(float x) {
#ifdef FOVEA_EMULATED
  return 1.0F / ::sqrtf(x);
#else
  return ::rsqrtf(x);
#endif
}
/// The same for x >= 2^-126, of the same bits, by one instruction.
__device__ __forceinline__ float rsqrt_of_normal(float x) {
#ifdef FOVEA_EMULATED
  return rsqrt(x);
#else
  float r;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
#endif
}
__device__ __forceinline__ float abs(float x) { return ::fabsf(x); }

/// The larger one; the other where one is NaN.
__device__ __forceinline__ float max(float a, float b) { return ::fmaxf(a, b); }
__device__ __forceinline__ float min(float a, float b) { return ::fminf(a, b); }
__device__ __forceinline__ int max(int a, int b) { return a < b ? b : a; }
__device__ __forceinline__ int min(int a, int b) { return b < a ? b : a; }

__device__ __forceinline__ bool is_finite(float x) { return ::fabsf(x) <= 3.402823466e+38F; }

}  // namespace fovea::FOVEA_TARGET
