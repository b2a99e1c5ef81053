// widest_vectors.h - a loop compiled twice: for any x86-64, and with AVX2 where the CPU has it.
// Bits are the same: the order of sums is the source's.
#pragma once

#include <cstddef>

// The loader chooses, before a program starts; TSan's instrumentation is not up by then.
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__) && \
    !defined(__SANITIZE_THREAD__)
#define FOVEA_WIDEST_VECTORS [[gnu::target_clones("avx2", "default")]]
#else
#define FOVEA_WIDEST_VECTORS
#endif
