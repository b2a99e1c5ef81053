// vector.h - several neighbouring elements in one access of up to 16 bytes. The address must be a
// multiple of the access's size: hardware faults, and so does the emulator, with the place.
#pragma once

#include <fovea/kernels/device/target.h>

#include <cstdint>
#include <cstring>
#include <source_location>

namespace fovea::FOVEA_TARGET {

/// N elements that travel together.
template <class T, int N>
struct alignas(sizeof(T) * N) Vector {
  static constexpr int kSize = N;
  T v[N];
  __host__ __device__ T& operator[](int i) { return v[i]; }
  __host__ __device__ const T& operator[](int i) const { return v[i]; }
};

/// Whether p can be accessed `bytes` at a time.
__host__ __device__ inline bool is_aligned(const void* p, int bytes) {
  return reinterpret_cast<std::uintptr_t>(p) % static_cast<unsigned>(bytes) == 0;
}

namespace vector_detail {

template <int Bytes>
struct Word;
template <>
struct Word<1> {
  using type = std::uint8_t;
};
template <>
struct Word<2> {
  using type = std::uint16_t;
};
template <>
struct Word<4> {
  using type = std::uint32_t;
};
template <>
struct Word<8> {
  using type = uint2;
};
template <>
struct Word<16> {
  using type = uint4;
};

}  // namespace vector_detail

#ifdef FOVEA_EMULATED

/// Reads N elements at p, which is aligned to N * sizeof(T).
template <int N, class T>
Vector<T, N> load_vector(const T* p, std::source_location at = std::source_location::current()) {
  if (!is_aligned(p, sizeof(T) * N)) {
    emulator::Block::running().require_aligned(p, sizeof(T) * N, at);
  }
  Vector<T, N> out;
  std::memcpy(static_cast<void*>(&out), p, sizeof(out));
  return out;
}

/// Writes N elements at p, which is aligned to N * sizeof(T).
template <int N, class T>
void store_vector(T* p, const Vector<T, N>& value,
                  std::source_location at = std::source_location::current()) {
  if (!is_aligned(p, sizeof(T) * N)) {
    emulator::Block::running().require_aligned(p, sizeof(T) * N, at);
  }
  std::memcpy(static_cast<void*>(p), &value, sizeof(value));
}

#else

/// Reads N elements at p, which is aligned to N * sizeof(T).
template <int N, class T>
__device__ __forceinline__ Vector<T, N> load_vector(const T* p) {
  using Word = typename vector_detail::Word<sizeof(T) * N>::type;
  const Word w = *reinterpret_cast<const Word*>(p);
  Vector<T, N> out;
  memcpy(static_cast<void*>(&out), &w, sizeof(out));
  return out;
}

/// Writes N elements at p, which is aligned to N * sizeof(T).
template <int N, class T>
__device__ __forceinline__ void store_vector(T* p, const Vector<T, N>& value) {
  using Word = typename vector_detail::Word<sizeof(T) * N>::type;
  Word w;
  memcpy(&w, &value, sizeof(w));
  *reinterpret_cast<Word*>(p) = w;
}

#endif

}  // namespace fovea::FOVEA_TARGET
