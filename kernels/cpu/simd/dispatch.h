// dispatch.h - one loop, three instruction sets, chosen at run time.
//
// A loop is a struct with `static void run(args...)`. run_as() compiles it once for each set, all
// that it calls inlined
// (`flatten`), so that no function compiled for a wide set can be linked in elsewhere, which
// separate compilation with -mavx512f would allow. Contraction is off and sums have a fixed shape,
// so all sets give the same bits.
#pragma once

#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/cpu/simd/simd.h>
#include <fovea/kernels/cpu/simd/vec.h>

#include <cstdint>
#include <utility>

namespace fovea::simd {

template <class Loop, class... A>
[[gnu::target("avx512f,avx512vl,avx512bw,avx512dq,prefer-vector-width=512"), gnu::flatten]] void
run_avx512(A... args) {
  Loop::run(args...);
}
template <class Loop, class... A>
[[gnu::target("avx2"), gnu::flatten]] void run_avx2(A... args) {
  Loop::run(args...);
}
template <class Loop, class... A>
[[gnu::flatten]] void run_baseline(A... args) {
  Loop::run(args...);
}

template <class Loop, class... A>
void run_as(Isa isa, A... args) {
  switch (isa) {
    case Isa::avx512:
      return run_avx512<Loop>(args...);
    case Isa::avx2:
      return run_avx2<Loop>(args...);
    case Isa::baseline:
      return run_baseline<Loop>(args...);
  }
}

// Loops that are written with the vectors of vec.h have `template <class Widest> static void
// run(args...)`: eight lanes, or the four that every x86-64 has.
template <class Loop, class... A>
[[gnu::target("avx2"), gnu::flatten]] void run_eight(A... args) {
  Loop::template run<Eight>(args...);
}
template <class Loop, class... A>
[[gnu::flatten]] void run_four(A... args) {
  Loop::template run<Four>(args...);
}
template <class Loop, class... A>
void run_vectors_as(Isa isa, A... args) {
  if (isa == Isa::baseline) {
    run_four<Loop>(args...);
  } else {
    run_eight<Loop>(args...);
  }
}

/// Elements that are worth a thread of their own: 64 KiB of floats, some 5 us of work.
inline constexpr std::int64_t kGrain = 16384;

/// Loop::run(begin, end, args...) over parts of [0, count).
template <class Loop, class... A>
void run_parts(Isa isa, std::int64_t count, std::int64_t grain, A... args) {
  parallel(count, grain,
           [&](std::int64_t begin, std::int64_t end) { run_as<Loop>(isa, begin, end, args...); });
}

/// The same for loops written with vectors.
template <class Loop, class... A>
void run_vector_parts(Isa isa, std::int64_t count, std::int64_t grain, A... args) {
  parallel(count, grain, [&](std::int64_t begin, std::int64_t end) {
    run_vectors_as<Loop>(isa, begin, end, args...);
  });
}

/// Rows of `width` elements that make up a grain.
constexpr std::int64_t rows_per_grain(std::int64_t width) {
  return width >= kGrain ? 1 : kGrain / width;
}

}  // namespace fovea::simd
