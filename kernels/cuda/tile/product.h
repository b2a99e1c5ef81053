// product.h - the whole reduction of one tile: double-buffered shared memory, one barrier a slice.
#pragma once

#include <fovea/kernels/cuda/tile/staging.h>
#include <fovea/kernels/cuda/tile/tile.h>

namespace fovea::FOVEA_TARGET {

/// acc += A B over indices [begin, end) of the reduction. LoadA and LoadB stage the slices of the
/// sources a and b, which give zeros from `end` on. each_slice(stage) is called once for each slice
/// while it lies in shared memory. All threads of the block call.
template <class T, class LoadA, class LoadB, class A, class B, class EachSlice>
__device__ __forceinline__ void accumulate_product(typename T::Stage (&stage)[2], const A& a,
                                                   const B& b, unsigned begin, unsigned end,
                                                   typename T::Accumulators& acc,
                                                   EachSlice& each_slice) {
  if (begin >= end) return;
  LoadA load_a;
  LoadB load_b;
  load_a.fetch(a, begin);
  load_b.fetch(b, begin);
  load_a.put(stage[0].a);
  load_b.put(stage[0].b);
  __syncthreads();  // the first slice is visible
  int current = 0;
  for (unsigned next = begin + T::BK;; next += T::BK) {
    const bool more = next < end;
    if (more) {
      load_a.fetch(a, next);  // in flight while the current slice is used
      load_b.fetch(b, next);
    }
    T::multiply(stage[current], acc);
    each_slice(stage[current]);
    if (!more) return;
    current ^= 1;
    load_a.put(stage[current].a);  // last read before the barrier one slice ago
    load_b.put(stage[current].b);
    __syncthreads();  // the next slice is visible, and nobody reads the current one any more
  }
}

/// As above, with nothing to do for a slice.
template <class T, class LoadA, class LoadB, class A, class B>
__device__ __forceinline__ void accumulate_product(typename T::Stage (&stage)[2], const A& a,
                                                   const B& b, unsigned begin, unsigned end,
                                                   typename T::Accumulators& acc) {
  const auto nothing = [](const typename T::Stage&) {};
  accumulate_product<T, LoadA, LoadB>(stage, a, b, begin, end, acc, nothing);
}

}  // namespace fovea::FOVEA_TARGET
