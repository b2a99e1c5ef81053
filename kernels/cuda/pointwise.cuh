// pointwise.cuh - one value out for each value in, all of one type, computed in fp32.
// Block -> 256 threads x W consecutive elements; thread -> W of them: 16 bytes of them where every
//          address is a multiple of that (the last thread may have fewer), else 1.
// Reuse -> none: each byte is read once and written once.
// The output may be one of the inputs: a thread loads all it needs before it stores.
#pragma once

#include <fovea/kernels/device/element.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/vector.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {

inline constexpr int kPointwiseThreads = 256;

/// One-dimensional launch with at least one thread for each of `items` > 0.
inline Launch launch_for(std::int64_t items,
                         std::source_location where = std::source_location::current()) {
  return {
      .grid = {ceil_div(items, kPointwiseThreads)}, .block = {kPointwiseThreads}, .where = where};
}

/// The item of this thread in a launch_for().
__device__ __forceinline__ std::int64_t item_of_thread() {
  return static_cast<std::int64_t>(blockIdx.x) * kPointwiseThreads + threadIdx.x;
}

/// element % columns, in 32 bits where they suffice: a 64-bit division costs some hundred
/// instructions, more than the memory access of an element hides.
__device__ __forceinline__ std::int64_t column_of(std::int64_t element, int columns) {
  if (element >> 32 == 0) {
    return static_cast<std::uint32_t>(element) % static_cast<std::uint32_t>(columns);
  }
  return element % columns;
}

/// Whether all addresses allow 16-byte access.
template <class... P>
bool allow_vectors(const P*... p) {
  return (is_aligned(p, 16) && ...);
}

/// Elements that a thread takes at a time.
template <int W>
struct Width {};

/// f(Width<W>{}): 16 bytes of elements of T where they divide a row of `columns` and its addresses
/// allow it (`vectors`), else one.
template <class T, class F>
void by_width(std::int64_t columns, bool vectors, const F& f) {
  constexpr int kWide = kPerAccess<T>;
  if (vectors && columns % kWide == 0) {
    f(Width<kWide>{});
  } else {
    f(Width<1>{});
  }
}

template <int W, class F, class... V>
__device__ __forceinline__ Vector<float, W> apply_each(F f, const V&... v) {
  Vector<float, W> r;
  for (int l = 0; l < W; ++l) r[l] = f(v[l]...);
  return r;
}

/// y[i] = f(x[i]...) for i < count.
template <int W, class F, class T, class... In>
__global__ void __launch_bounds__(kPointwiseThreads)
    pointwise(std::int64_t count, F f, T* y, const In*... x) {
  const std::int64_t first = item_of_thread() * W;
  if (first + W <= count) {
    store_floats<W>(y + first, apply_each<W>(f, load_floats<W>(x + first)...));
  } else {
    for (std::int64_t i = first; i < count; ++i) store_float(y + i, f(load_float(x + i)...));
  }
}

template <class F, class T, class... In>
void run_pointwise(std::int64_t count, F f, T* y, StreamView stream, const In*... x) {
  constexpr int kWide = kPerAccess<T>;
  if (count == 0) return;
  if (allow_vectors(y, x...)) {
    launch(pointwise<kWide, F, T, In...>, launch_for(ceil_div(count, kWide)), stream, count, f, y,
           x...);
  } else {
    launch(pointwise<1, F, T, In...>, launch_for(count), stream, count, f, y, x...);
  }
}

}  // namespace fovea::FOVEA_TARGET
