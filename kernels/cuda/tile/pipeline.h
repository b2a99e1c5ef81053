// pipeline.h - the main loop of all implicit_gemm kernels: slices of both operands on their way
// into shared memory while older ones are multiplied.
//
//   slice     0     1     2     3     4              kStages = 3: while slice n is multiplied,
//   copy     =====                                   n + 1 and n + 2 are under way; n + 2 goes
//                 =====                              where n - 1 was
//   multiply       ###   ###   ###
//
// Tensor cores take a slice in steps, from registers. Where tiles read ahead, those of the next
// step are read before a step is multiplied, across slices too, so that products wait for no read:
//
//   registers   read step 1         | all have read the slice:  read step 0 of the next
//   products    step 0 ##########   | barrier                   step 1 ##########
//   copies      one half of n + 2     the other
#pragma once

#include <fovea/kernels/cuda/tile/copies.h>
#include <fovea/kernels/device/mma.h>

namespace fovea::FOVEA_TARGET {

/// Both operands' slices in shared memory, in turn.
template <class T, class A, class B>
class SliceRing {
 public:
  __device__ __forceinline__ SliceRing(typename T::Stage (&stage)[T::kStages], A& a, B& b)
      : stage_{stage}, a_{a}, b_{b} {}

  /// Starts the first of `slices` slices, kStages - 1 at most. A group for each, even behind the
  /// last one, so that waiting counts slices; start_next() brings zeros there, which come from
  /// nowhere: no branch parts the loop.
  __device__ __forceinline__ void fill(int slices) {
#pragma unroll
    for (int s = 0; s < T::kStages - 1; ++s) {
      if (s < slices) start(s, 0, 1);
      async_commit();
    }
  }
  /// Waits for the oldest slice under way; then it is there for all threads, and nobody reads the
  /// one before it any more.
  __device__ __forceinline__ void wait() const {
    async_wait<T::kStages - 2>();
    __syncthreads();
  }
  /// The same for the slice behind the current one.
  __device__ __forceinline__ void wait_for_next() const {
    async_wait<T::kStages - 3>();
    __syncthreads();
  }
  __device__ __forceinline__ const typename T::Stage& current() const { return stage_[current_]; }
  __device__ __forceinline__ const typename T::Stage& next() const {
    return stage_[current_ + 1 == T::kStages ? 0 : current_ + 1];
  }
  /// Starts part `part` of `parts` of the slice that goes where the one before current() was.
  __device__ __forceinline__ void start_next(int part, int parts) {
    const int before = current_ == 0 ? T::kStages - 1 : current_ - 1;
    if constexpr (A::kWidth > 1 && B::kWidth > 1) {
      start(before, part, parts);
    } else if (part == 0) {  // a loop over elements: one
      start(before, 0, 1);
    }
    if (part == parts - 1) async_commit();
  }
  __device__ __forceinline__ void advance() {
    current_ = current_ + 1 == T::kStages ? 0 : current_ + 1;
  }

 private:
  __device__ __forceinline__ void start(int into, int part, int parts) {
    a_.start(stage_[into].a, part, parts);
    b_.start(stage_[into].b, part, parts);
  }
  typename T::Stage (&stage_)[T::kStages];
  A& a_;
  B& b_;
  int current_ = 0;
};

/// acc += the product over `slices` slices, which a and b (Copies) bring one after the other.
/// each_slice(stage) is called once for each while it lies in shared memory. All threads call, each
/// with its index in the block.
template <class T, class A, class B, class EachSlice>
__device__ __forceinline__ void multiply_slices(typename T::Stage (&stage)[T::kStages], A& a, B& b,
                                                int slices, int thread,
                                                typename T::Accumulators& acc,
                                                EachSlice each_slice) {
  SliceRing<T, A, B> ring(stage, a, b);
  if constexpr (T::kSize.math == Math::fp32) {
    ring.fill(slices);
#pragma unroll 1
    for (int left = slices; left > 0; --left) {
      ring.wait();
      ring.start_next(0, 1);
      T::multiply(ring.current(), acc, thread);
      each_slice(ring.current());
      ring.advance();
    }
  } else {
    typename T::Warp warp(thread);
    ring.fill(slices + 1);  // zeros too: of one slice more the first fragments are read
    ring.wait();
    warp.begin(ring.current());
#pragma unroll 1
    for (int left = slices; left > 0; --left) {
      const typename T::Slices pair{ring.current(), ring.next()};
      MmaBatch batch;
      warp.multiply(0, pair, batch, acc, [](int, int) {});
      each_slice(pair.now);
      ring.wait_for_next();
      warp.multiply(1, pair, batch, acc,
                    [&](int part, int parts) { ring.start_next(part, parts); });
      batch.finish();
      ring.advance();
    }
  }
  async_wait<0>();  // the zeros, before shared memory serves for something else
}

}  // namespace fovea::FOVEA_TARGET
