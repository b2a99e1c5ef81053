// keywords.h - CUDA's own words where no CUDA compiler reads them. They are spelled as CUDA spells
// them, so that one source serves both compilers; only translation units of kernels include this.
// `__shared__` is missing on purpose: shared memory comes from block_shared(), which can be
// checked.
#pragma once

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
