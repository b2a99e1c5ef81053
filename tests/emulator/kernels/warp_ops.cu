// warp_ops.cu - see warp_ops.h.
#include <fovea/kernels/device/barrier.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/mma.h>
#include <fovea/kernels/device/reduce.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/tests/emulator/kernels/warp_ops.h>

namespace fovea::FOVEA_TARGET {
namespace {

__global__ void shuffles(int* out) {
  const int lane = lane_id();
  int* o = out + lane * kShuffles;
  o[static_cast<int>(Shuffle::index)] = __shfl_sync(kAllLanes, lane, lane + 5);
  o[static_cast<int>(Shuffle::index_width_8)] = __shfl_sync(kAllLanes, lane, 3, 8);
  o[static_cast<int>(Shuffle::up)] = __shfl_up_sync(kAllLanes, lane, 2);
  o[static_cast<int>(Shuffle::up_width_8)] = __shfl_up_sync(kAllLanes, lane, 2, 8);
  o[static_cast<int>(Shuffle::down)] = __shfl_down_sync(kAllLanes, lane, 2);
  o[static_cast<int>(Shuffle::down_width_8)] = __shfl_down_sync(kAllLanes, lane, 2, 8);
  o[static_cast<int>(Shuffle::swap)] = __shfl_xor_sync(kAllLanes, lane, 17);
  o[static_cast<int>(Shuffle::swap_width_8)] = __shfl_xor_sync(kAllLanes, lane, 3, 8);
}

__global__ void votes(std::uint32_t* out) {
  const int lane = lane_id();
  const int p = lane % 3 == 0 ? 1 : 0;
  out[lane] = __ballot_sync(kAllLanes, p);
  out[32 + lane] = static_cast<std::uint32_t>(__any_sync(kAllLanes, p));
  out[64 + lane] = static_cast<std::uint32_t>(__all_sync(kAllLanes, p));
  const unsigned half = lane < 16 ? 0x0000ffffU : 0xffff0000U;
  out[96 + lane] = __ballot_sync(half, p);
}

__device__ void load_sums(float (&d)[4], const float* c) {
  for (int i = 0; i < 4; ++i) d[i] = c[mma_row(lane_id(), i) * 8 + mma_column(lane_id(), i)];
}

__device__ void store_sums(const float (&d)[4], float* out) {
  for (int i = 0; i < 4; ++i) out[mma_row(lane_id(), i) * 8 + mma_column(lane_id(), i)] = d[i];
}

__device__ void load_tf32(std::uint32_t (&ra)[4], std::uint32_t (&rb)[2], const float* a,
                          const float* b) {
  const int g = lane_id() / 4, t = lane_id() % 4;
  for (int r = 0; r < 4; ++r) ra[r] = to_tf32(a[(g + 8 * (r % 2)) * 8 + t + 4 * (r / 2)]);
  for (int r = 0; r < 2; ++r) rb[r] = to_tf32(b[(t + 4 * r) * 8 + g]);
}

__global__ void mma_tf32(const float* a, const float* b, const float* c, float* d) {
  std::uint32_t ra[4], rb[2];
  float sums[4];
  load_tf32(ra, rb, a, b);
  load_sums(sums, c);
  mma_m16n8k8(sums, ra, rb);
  store_sums(sums, d);
}

// More of them than the emulator keeps; lanes from `all` on bring one less.
__global__ void mma_batch(const float* a, const float* b, const float* c, float* d, int all) {
  std::uint32_t ra[4], rb[2];
  float sums[4];
  load_tf32(ra, rb, a, b);
  load_sums(sums, c);
  MmaBatch batch;
  for (int i = 0; i < kBatch; ++i) {
    if (i < kBatch - 1 || lane_id() < all) batch.m16n8k8(sums, ra, rb);
  }
  batch.finish();
  store_sums(sums, d);
}

__device__ std::uint32_t pair(bf16 low, bf16 high) {
  return low.bits | static_cast<std::uint32_t>(high.bits) << 16;
}

__global__ void mma_bf16(const bf16* a, const bf16* b, const float* c, float* d) {
  const int g = lane_id() / 4, t = lane_id() % 4;
  std::uint32_t ra[4], rb[2];
  float sums[4];
  for (int r = 0; r < 4; ++r) {
    const bf16* p = a + (g + 8 * (r % 2)) * 16 + 2 * t + 8 * (r / 2);
    ra[r] = pair(p[0], p[1]);
  }
  for (int r = 0; r < 2; ++r) {
    const bf16* p = b + (2 * t + 8 * r) * 8 + g;
    rb[r] = pair(p[0], p[8]);
  }
  load_sums(sums, c);
  mma_m16n8k16(sums, ra, rb);
  store_sums(sums, d);
}

struct LdmatrixSmem {
  alignas(16) bf16 a[16][16];
  alignas(16) bf16 b[16][8];
};

__global__ void mma_ldmatrix(const bf16* a, const bf16* b, const float* c, float* d) {
  auto& s = block_shared<LdmatrixSmem>();
  const int lane = lane_id();
  for (int i = lane; i < 16 * 16; i += kWarp) s.a[i / 16][i % 16] = a[i];
  for (int i = lane; i < 16 * 8; i += kWarp) s.b[i / 8][i % 8] = b[i];
  __syncwarp();  // the tiles are written
  std::uint32_t ra[4], rb[2];
  float sums[4];
  // Matrices in the order of a's registers: rows 0-7, then 8-15, of columns 0-7, then 8-15.
  ldmatrix<4>(ra, &s.a[lane % 16][lane / 16 * 8]);
  ldmatrix<2, true>(rb, &s.b[lane % 16][0]);
  load_sums(sums, c);
  mma_m16n8k16(sums, ra, rb);
  store_sums(sums, d);
}

constexpr int kReduceThreads = 256;

struct ReduceSmem {
  ReduceScratch<float, kReduceThreads> scratch;
};

__global__ void __launch_bounds__(kReduceThreads) reductions(const float* x, float* out) {
  auto& s = block_shared<ReduceSmem>();
  const float v = x[threadIdx.x];
  const float sum = block_sum(v, s.scratch);
  const float largest = block_max(v, s.scratch);
  const float of_warp = warp_sum(v);
  const float largest_of_warp = warp_max(v);
  if (threadIdx.x != 63) return;  // lane 31 of the second warp
  out[0] = sum;
  out[1] = largest;
  out[2] = of_warp;
  out[3] = largest_of_warp;
}

// Warp 0 fills a stage, warp 1 empties it. Barrier 1 + stage: full; barrier 3 + stage: empty.
struct RolesSmem {
  float stage[2][kWarp];
};

__global__ void __launch_bounds__(2 * kWarp) roles(const float* x, float* y, int n) {
  auto& s = block_shared<RolesSmem>();
  const int lane = lane_id();
  for (int i = 0; i < n / kWarp; ++i) {
    const int stage = i % 2;
    if (warp_id() == 0) {
      if (i >= 2) barrier_sync(3 + stage, 2 * kWarp);
      s.stage[stage][lane] = x[i * kWarp + lane];
      barrier_arrive(1 + stage, 2 * kWarp);
    } else {
      barrier_sync(1 + stage, 2 * kWarp);
      y[i * kWarp + lane] = 2 * s.stage[stage][lane];
      if (i + 2 < n / kWarp) barrier_arrive(3 + stage, 2 * kWarp);
    }
  }
}

}  // namespace

void run_shuffles(int* out, StreamView stream) {
  launch(shuffles, Launch{.grid = {1}, .block = {kWarp}}, stream, out);
}

void run_votes(std::uint32_t* out, StreamView stream) {
  launch(votes, Launch{.grid = {1}, .block = {kWarp}}, stream, out);
}

void run_mma_tf32(const float* a, const float* b, const float* c, float* d, StreamView stream) {
  launch(mma_tf32, Launch{.grid = {1}, .block = {kWarp}}, stream, a, b, c, d);
}

void run_mma_batch(const float* a, const float* b, const float* c, float* d, int all,
                   StreamView stream) {
  launch(mma_batch, Launch{.grid = {1}, .block = {kWarp}}, stream, a, b, c, d, all);
}

void run_mma_bf16(const bf16* a, const bf16* b, const float* c, float* d, StreamView stream) {
  launch(mma_bf16, Launch{.grid = {1}, .block = {kWarp}}, stream, a, b, c, d);
}

void run_mma_ldmatrix(const bf16* a, const bf16* b, const float* c, float* d, StreamView stream) {
  const Launch l{.grid = {1}, .block = {kWarp}, .smem = sizeof(LdmatrixSmem)};
  launch(mma_ldmatrix, l, stream, a, b, c, d);
}

void run_reductions(const float* x, float* out, StreamView stream) {
  const Launch l{.grid = {1}, .block = {kReduceThreads}, .smem = sizeof(ReduceSmem)};
  launch(reductions, l, stream, x, out);
}

void run_roles(const float* x, float* y, int n, StreamView stream) {
  const Launch l{.grid = {1}, .block = {2 * kWarp}, .smem = sizeof(RolesSmem)};
  launch(roles, l, stream, x, y, n);
}

}  // namespace fovea::FOVEA_TARGET
