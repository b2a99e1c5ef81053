// kernels.cu - two forward convolutions in fp32: a naive one on NCHW, as many a kernel of one's own
// begins, and one that tiles NHWC through shared memory. nvcc compiles the file for the GPU, the
// host compiler for the emulator; CUDA's words are CUDA's, <fovea/kernels/device/...> adds what
// differs between the two.
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/math.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/ops/conv_algorithm.h>

#include <cstdint>
#include <string>
#include <vector>

namespace your_kernel::FOVEA_TARGET {  // emu, emu_counted or gpu
using namespace fovea::FOVEA_TARGET;
using fovea::ConvArgs;
using fovea::ConvProblem;
using fovea::FOVEA_TARGET::fma;  // not the one of <cmath>

// NCHW. Thread -> one element of y[n][k][p][q]; nothing is used twice but by the cache.
__global__ void naive(ConvProblem p, const float* x, const float* w, float* y) {
  const std::int64_t e = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (e >= std::int64_t{p.n} * p.k * p.p() * p.q()) return;
  const int j = static_cast<int>(e % p.q()), i = static_cast<int>(e / p.q() % p.p());
  const int k = static_cast<int>(e / p.q() / p.p() % p.k);
  const std::int64_t n = e / p.q() / p.p() / p.k;
  float sum = 0;
  for (int c = 0; c < p.c; ++c) {
    for (int r = 0; r < p.r; ++r) {
      const int row = i * p.u - p.ph.begin + r;
      if (row < 0 || row >= p.h) continue;
      for (int s = 0; s < p.s; ++s) {
        const int column = j * p.v - p.pw.begin + s;
        if (column < 0 || column >= p.w) continue;
        sum = fma(x[((n * p.c + c) * p.h + row) * p.w + column],
                  w[((std::int64_t{k} * p.c + c) * p.r + r) * p.s + s], sum);
      }
    }
  }
  y[e] = sum;
}

// NHWC. Block -> 32 pixels of y (of all images in a row) and 32 filters; thread -> 1 pixel, 4
// filters. Reuse -> a staged value of x is read 32 times from shared memory, one of w likewise.
struct Tile {
  static constexpr int kPixels = 32, kFilters = 32, kChannels = 8, kThreads = 256;
  static constexpr int kEach = kPixels * kFilters / kThreads;
  struct Smem {
    float x[kChannels][kPixels + 1];
    float w[kChannels][kFilters + 1];
  };
};

__global__ void tiled(ConvProblem p, const float* x, const float* w, const float* b, float* y) {
  using T = Tile;
  auto& s = block_shared<T::Smem>();
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t pixels = std::int64_t{p.n} * p.p() * p.q();
  const std::int64_t first = std::int64_t{blockIdx.x} * T::kPixels;
  const int first_filter = static_cast<int>(blockIdx.y) * T::kFilters;
  // What this thread stages: one channel of one pixel and of one filter.
  const int channel = thread % T::kChannels, staged = thread / T::kChannels;
  const std::int64_t from = first + staged;
  const int i = static_cast<int>(from / p.q() % p.p()), j = static_cast<int>(from % p.q());
  const std::int64_t n = from / p.q() / p.p();
  // What it computes.
  const int pixel = thread % T::kPixels, filters = thread / T::kPixels * T::kEach;
  float sum[T::kEach] = {};
  for (int tap = 0; tap < p.r * p.s; ++tap) {
    const int row = i * p.u - p.ph.begin + tap / p.s, column = j * p.v - p.pw.begin + tap % p.s;
    const bool inside = from < pixels && row >= 0 && row < p.h && column >= 0 && column < p.w;
    const int filter = first_filter + staged;
    for (int c0 = 0; c0 < p.c; c0 += T::kChannels) {
      const int c = c0 + channel;
      s.x[channel][staged] =
          inside && c < p.c ? x[((n * p.h + row) * p.w + column) * p.c + c] : 0.0F;
      s.w[channel][staged] =
          filter < p.k && c < p.c ? w[(std::int64_t{filter} * p.r * p.s + tap) * p.c + c] : 0.0F;
      __syncthreads();  // both tiles are there
      for (int k = 0; k < T::kChannels; ++k) {
        for (int f = 0; f < T::kEach; ++f) sum[f] = fma(s.x[k][pixel], s.w[k][filters + f], sum[f]);
      }
      __syncthreads();  // all have read them
    }
  }
  if (first + pixel >= pixels) return;
  for (int f = 0; f < T::kEach; ++f) {
    const int k = first_filter + filters + f;
    if (k >= p.k) return;
    const float v = p.epilogue.bias ? sum[f] + b[k] : sum[f];
    y[(first + pixel) * p.k + k] = p.epilogue.relu && v < 0 ? 0.0F : v;
  }
}

void run_naive(const ConvArgs& a) {
  const ConvProblem& p = a.problem;
  const Launch l{.grid = {ceil_div(std::int64_t{p.n} * p.k * p.p() * p.q(), 256)}, .block = {256}};
  launch(naive, l, a.stream, p, a.x, a.w, a.y);
}

void run_tiled(const ConvArgs& a) {
  const ConvProblem& p = a.problem;
  const Launch l{.grid = {ceil_div(std::int64_t{p.n} * p.p() * p.q(), Tile::kPixels),
                          ceil_div(p.k, Tile::kFilters)},
                 .block = {Tile::kThreads},
                 .smem = sizeof(Tile::Smem)};
  launch(tiled, l, a.stream, p, a.x, a.w, a.b, a.y);
}

std::string why_not(const ConvProblem& p, const fovea::DeviceInfo&) {
  if (p.groups > 1) return "groups > 1";
  return p.dh > 1 || p.dw > 1 ? "dilation" : "";
}

std::vector<fovea::ConvAlgorithm> algorithms() {
  constexpr auto kHere = kEmulated ? fovea::Devices::emulated : fovea::Devices::cuda;
  return {{.name = "naive",
           .layout = fovea::Layout::nchw,
           .devices = kHere,
           .why_not = why_not,
           .run = run_naive,
           .engine = "mine"},
          {.name = "tiled",
           .devices = kHere,
           .why_not = why_not,
           .run = run_tiled,
           .epilogue = {.bias = true, .relu = true},
           .engine = "mine"}};
}

}  // namespace your_kernel::FOVEA_TARGET
