// pipeline.h - the main loop of all implicit_gemm kernels: slices of both operands on their way
// into shared memory while older ones are multiplied.
//
//   slice     0     1     2     3     4          fp32, three stages: while slice n is multiplied,
//   copy     =====                               n + 1 and n + 2 are under way; n + 2 goes where
//                 =====                          n - 1 was
//   multiply       ###   ###   ###
//
// Tensor cores take a slice in two steps, from registers that are read while the step before is
// multiplied, across slices too (tile/tensor.h), so that products wait for no read. The barrier
// stands between the steps: behind it nobody reads slice n - 1 any more, and n + 1 is there.
//
//   products    step 0 of n  #########   step 1 of n      ##########   step 0 of n + 1  ##########
//   registers   read step 1 of n       | read step 0 of n + 1        | read step 1 of n + 1
//   copies                     barrier | n + 3 goes where n - 1 was, half of it    , and the other
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

  /// Starts the first of `slices` slices, kStages - 1 at most; with `parts`, of the last one of
  /// these the first half, in so many parts. A group for each slice, even behind the last one, so
  /// that waiting counts slices; start_next() brings zeros there, which come from nowhere: no
  /// branch parts the loop.
  __device__ __forceinline__ void fill(int slices, int parts = 0) {
    filled_ = parts > 0 ? T::kStages - 2 : T::kStages - 1;
#pragma unroll
    for (int s = 0; s < filled_; ++s) {
      if (s < slices) start(s, 0, 1);
      async_commit();
    }
    for (int part = 0; part < parts; ++part) start_next(part, 2 * parts);
  }
  /// Waits until all but the `kOpen` newest slices under way are there for all threads; then nobody
  /// reads any more what was read before.
  template <int kOpen>
  __device__ __forceinline__ void wait() const {
    async_wait<kOpen>();
    __syncthreads();
  }
  __device__ __forceinline__ const typename T::Stage& current() const { return stage_[current_]; }
  __device__ __forceinline__ const typename T::Stage& next() const {
    return stage_[behind(current_)];
  }
  /// Starts part `part` of `parts` of the next slice.
  __device__ __forceinline__ void start_next(int part, int parts) {
    if constexpr (A::kWidth > 1 && B::kWidth > 1) {
      start(filled_, part, parts);
    } else if (part == 0) {  // a loop over elements: one
      start(filled_, 0, 1);
    }
    if (part < parts - 1) return;
    async_commit();
    filled_ = behind(filled_);
  }
  __device__ __forceinline__ void advance() { current_ = behind(current_); }

 private:
  static __device__ __forceinline__ int behind(int stage) {
    return stage + 1 == T::kStages ? 0 : stage + 1;
  }
  __device__ __forceinline__ void start(int into, int part, int parts) {
    a_.start(stage_[into].a, part, parts);
    b_.start(stage_[into].b, part, parts);
  }
  typename T::Stage (&stage_)[T::kStages];
  A& a_;
  B& b_;
  int current_ = 0;  // stage of the slice that is multiplied
  int filled_ = 0;   // stage that the next one goes to
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
      ring.template wait<T::kStages - 2>();
      ring.start_next(0, 1);
      T::multiply(ring.current(), acc, thread);
      each_slice(ring.current());
      ring.advance();
    }
  } else {
    constexpr int kParts = T::Warp::kPieces;
    typename T::Warp warp(thread);
    ring.fill(slices + 1, kParts);  // zeros too: of one slice more the first fragments are read
    ring.template wait<T::kStages - 3>();
    warp.begin(ring.current());
#pragma unroll 1
    for (int left = slices; left > 0; --left) {
      const typename T::Slices pair{ring.current(), ring.next()};
      MmaBatch batch;
      warp.multiply(0, pair, batch, acc,
                    [&](int part) { ring.start_next(kParts + part, 2 * kParts); });
      each_slice(pair.now);
      ring.template wait<T::kStages - 3>();
      warp.multiply(1, pair, batch, acc, [&](int part) { ring.start_next(part, 2 * kParts); });
      batch.finish();
      ring.advance();
    }
  }
  async_commit();   // zeros: half a slice of them is of no group yet
  async_wait<0>();  // before shared memory serves for something else
}

}  // namespace fovea::FOVEA_TARGET
