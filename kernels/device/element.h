// element.h - elements of either type that activations have, as floats in registers: fp32 as they
// are, bf16 made wide when loaded and rounded once, to nearest even, when stored.
#pragma once

#include <fovea/core/dtype.h>
#include <fovea/kernels/device/target.h>
#include <fovea/kernels/device/vector.h>

#include <cstdint>
#include <cstring>
#include <source_location>

namespace fovea::FOVEA_TARGET {

/// Two fp32 as bf16 in a register, to nearest, ties to even; `low` in the lower half.
__device__ __forceinline__ std::uint32_t to_bf16x2(float low, float high) {
#ifdef FOVEA_EMULATED
  return std::uint32_t{to_bf16(low).bits} | std::uint32_t{to_bf16(high).bits} << 16;
#else
  std::uint32_t r;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));
  return r;
#endif
}

/// Elements of T in the widest access, of 16 bytes.
template <class T>
inline constexpr int kPerAccess = 16 / static_cast<int>(sizeof(T));

namespace element_detail {

/// Elements of an access where N of T are wanted.
template <class T, int N>
inline constexpr int kStep = N < kPerAccess<T> ? N : kPerAccess<T>;

__device__ __forceinline__ float widened(float v) { return v; }
__device__ __forceinline__ float widened(bf16 v) { return to_float(v); }

template <int N>
__device__ __forceinline__ Vector<float, N> narrowed(const float* v, const float*) {
  Vector<float, N> out;
  for (int i = 0; i < N; ++i) out[i] = v[i];
  return out;
}
template <int N>
__device__ __forceinline__ Vector<bf16, N> narrowed(const float* v, const bf16*) {
  static_assert(N == 1 || N % 2 == 0);
  Vector<bf16, N> out;
  if constexpr (N == 1) {
    out[0].bits = static_cast<std::uint16_t>(to_bf16x2(v[0], 0));
  } else {
    for (int i = 0; i < N; i += 2) {
      const std::uint32_t pair = to_bf16x2(v[i], v[i + 1]);
      out[i].bits = static_cast<std::uint16_t>(pair);
      out[i + 1].bits = static_cast<std::uint16_t>(pair >> 16);
    }
  }
  return out;
}

}  // namespace element_detail

#ifdef FOVEA_EMULATED

/// N elements at p, which is aligned to their size or to 16 bytes if they are more.
template <int N, class T>
Vector<float, N> load_floats(const T* p,
                             std::source_location at = std::source_location::current()) {
  constexpr int kStep = element_detail::kStep<T, N>;
  Vector<float, N> out;
  for (int i = 0; i < N; i += kStep) {
    const auto part = load_vector<kStep>(p + i, at);
    for (int l = 0; l < kStep; ++l) out[i + l] = element_detail::widened(part[l]);
  }
  return out;
}

/// Writes N elements at p, aligned as load_floats() has it.
template <int N, class T>
void store_floats(T* p, const Vector<float, N>& value,
                  std::source_location at = std::source_location::current()) {
  constexpr int kStep = element_detail::kStep<T, N>;
  for (int i = 0; i < N; i += kStep) {
    store_vector<kStep>(p + i, element_detail::narrowed<kStep>(value.v + i, p), at);
  }
}

#else

/// N elements at p, which is aligned to their size or to 16 bytes if they are more.
template <int N, class T>
__device__ __forceinline__ Vector<float, N> load_floats(const T* p) {
  constexpr int kStep = element_detail::kStep<T, N>;
  Vector<float, N> out;
#pragma unroll
  for (int i = 0; i < N; i += kStep) {
    const auto part = load_vector<kStep>(p + i);
#pragma unroll
    for (int l = 0; l < kStep; ++l) out[i + l] = element_detail::widened(part[l]);
  }
  return out;
}

/// Writes N elements at p, aligned as load_floats() has it.
template <int N, class T>
__device__ __forceinline__ void store_floats(T* p, const Vector<float, N>& value) {
  constexpr int kStep = element_detail::kStep<T, N>;
#pragma unroll
  for (int i = 0; i < N; i += kStep) {
    store_vector<kStep>(p + i, element_detail::narrowed<kStep>(value.v + i, p));
  }
}

#endif

/// One element.
template <class T>
__device__ __forceinline__ float load_float(const T* p) {
  return element_detail::widened(*p);
}
template <class T>
__device__ __forceinline__ void store_float(T* p, float value) {
  *p = element_detail::narrowed<1>(&value, p)[0];
}

}  // namespace fovea::FOVEA_TARGET
