// pipeline.h - the main loop of all implicit_gemm kernels: slices of both operands on their way
// into shared memory while older ones are multiplied.
//
//   slice     0     1     2     3     4              kStages = 3: while slice n is multiplied,
//   copy     =====                                   n + 1 and n + 2 are under way; n + 2 goes
//   where
//                 =====                              n - 1 was
//   multiply       ###   ###   ###
#pragma once

#include <fovea/kernels/cuda/tile/copies.h>

namespace fovea::FOVEA_TARGET {

/// acc += the product over `slices` slices, which a and b (Copies) bring one after the other.
/// each_slice(stage) is called once for each while it lies in shared memory. All threads call, each
/// with its index in the block.
template <class T, class A, class B, class EachSlice>
__device__ __forceinline__ void multiply_slices(typename T::Stage (&stage)[T::kStages], A& a, B& b,
                                                int slices, int thread,
                                                typename T::Accumulators& acc,
                                                EachSlice each_slice) {
  const auto start = [&](int into) {
    a.start(stage[into].a);
    b.start(stage[into].b);
  };
  // A group for each slice, even behind the last one, so that waiting counts slices.
#pragma unroll
  for (int s = 0; s < T::kStages - 1; ++s) {
    if (s < slices) start(s);
    async_commit();
  }
  int current = 0;
#pragma unroll 1
  for (int left = slices; left > 0; --left) {
    async_wait<T::kStages - 2>();  // this thread's part of the slice is there
    __syncthreads();  // and everybody's; nobody reads the slice before any more, so it may go
    if (left >= T::kStages) start(current == 0 ? T::kStages - 1 : current - 1);
    async_commit();
    T::multiply(stage[current], acc, thread);
    each_slice(stage[current]);
    current = current + 1 == T::kStages ? 0 : current + 1;
  }
}

}  // namespace fovea::FOVEA_TARGET
