// examples.h - launchers of the example kernels; tests call them through the device's namespace.
#pragma once

#include <fovea/core/stream.h>

namespace fovea {

namespace emu {
/// y[i] = a * x[i] + y[i] for i < n.
void run_saxpy(float a, const float* x, float* y, int n, StreamView stream);
/// sums[r] = sum of x[r, 0..columns), for each of `rows` rows.
void run_row_sums(const float* x, float* sums, int rows, int columns, StreamView stream);
/// c[m,n] = a[m,k] * b[k,n], row-major.
void run_gemm(const float* a, const float* b, float* c, int m, int n, int k, StreamView stream);
}  // namespace emu

namespace gpu {
void run_saxpy(float a, const float* x, float* y, int n, StreamView stream);
void run_row_sums(const float* x, float* sums, int rows, int columns, StreamView stream);
void run_gemm(const float* a, const float* b, float* c, int m, int n, int k, StreamView stream);
}  // namespace gpu

}  // namespace fovea
