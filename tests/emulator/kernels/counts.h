// counts.h - small kernels whose work is known: see counts_test.cpp.
#pragma once

#include <fovea/core/stream.h>

namespace fovea::emu_counted {

/// y[i] = x[i * stride], a thread each.
void run_copy(const float* x, float* y, int n, int stride, StreamView stream);
/// The same, four floats a thread; both addresses are multiples of 16.
void run_copy_vectors(const float* x, float* y, int n, StreamView stream);
/// y = x transposed, 32 x 32, through a shared tile whose rows are `pitch` (32 or 33) floats apart.
void run_transpose(const float* x, float* y, int pitch, StreamView stream);
/// y[i] = a x[i] + y[i] for the even threads, and nothing for the odd ones.
void run_half(float a, const float* x, float* y, int n, StreamView stream);
/// y[i] = x[i] through shared memory by asynchronous copies of 16 bytes.
void run_staged(const float* x, float* y, int n, StreamView stream);
/// One tensor-core instruction a warp.
void run_mma(float* y, int warps, StreamView stream);

}  // namespace fovea::emu_counted
