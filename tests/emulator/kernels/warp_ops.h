// warp_ops.h - kernels that show one warp operation each.
#pragma once

#include <fovea/core/dtype.h>
#include <fovea/core/stream.h>

#include <cstdint>

namespace fovea {

/// Results of the shuffles for one lane, in this order.
enum class Shuffle { index, index_width_8, up, up_width_8, down, down_width_8, swap, swap_width_8 };
inline constexpr int kShuffles = 8;

/// Operations of run_mma_batch().
inline constexpr int kBatch = 100;

namespace emu {
/// out[lane * kShuffles + s] = result of shuffle s of the lane's own number; 32 lanes.
void run_shuffles(int* out, StreamView stream);
/// out[lane] = ballot, any, all of (lane % 3 == 0), each 32 lanes; then the half warp's ballot.
void run_votes(std::uint32_t* out, StreamView stream);
/// d[16,8] = a[16,k] * b[k,8] + c, fp32 in memory; k = 8 on tf32, 16 on bf16.
void run_mma_tf32(const float* a, const float* b, const float* c, float* d, StreamView stream);
void run_mma_bf16(const bf16* a, const bf16* b, const float* c, float* d, StreamView stream);
/// d[16,8] = kBatch * a[16,8] * b[8,8] + c on tf32; lanes from `all` on leave one product out.
void run_mma_batch(const float* a, const float* b, const float* c, float* d, int all,
                   StreamView stream);
/// On bf16 once, with a and b brought to registers by ldmatrix (b, row-major, transposed).
void run_mma_ldmatrix(const bf16* a, const bf16* b, const float* c, float* d, StreamView stream);
/// out[0] = sum, out[1] = largest of x[0..256); out[2], out[3]: the same of the 2nd warp alone.
void run_reductions(const float* x, float* out, StreamView stream);
/// Producer and consumer warps: y[i] = 2 x[i] for n elements, a multiple of 32.
void run_roles(const float* x, float* y, int n, StreamView stream);
}  // namespace emu

namespace gpu {
void run_shuffles(int* out, StreamView stream);
void run_votes(std::uint32_t* out, StreamView stream);
void run_mma_tf32(const float* a, const float* b, const float* c, float* d, StreamView stream);
void run_mma_batch(const float* a, const float* b, const float* c, float* d, int all,
                   StreamView stream);
void run_mma_bf16(const bf16* a, const bf16* b, const float* c, float* d, StreamView stream);
void run_mma_ldmatrix(const bf16* a, const bf16* b, const float* c, float* d, StreamView stream);
void run_reductions(const float* x, float* out, StreamView stream);
void run_roles(const float* x, float* y, int n, StreamView stream);
}  // namespace gpu

}  // namespace fovea
