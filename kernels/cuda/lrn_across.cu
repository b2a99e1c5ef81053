// lrn_across.cu - local response normalisation across channels, NHWC:
//   d_i = k + a sum of x_j^2 over |j - i| <= size / 2 in i's group,   y_i = x_i d_i^-beta
//   dx_i = dy_i d_i^-beta - 2 a beta x_i sum over the same j of t_j,  t_j = dy_j x_j d_j^(-beta-1)
// Block  -> whole pixels, as many as fit into Capacity elements: one piece of memory, and no halo,
//           since a window never leaves its pixel. Thread -> four neighbours, or one, of every
//           1024th or 256th element, so that a warp's accesses are neighbours: free of bank
//           conflicts for any number of channels.
// Reuse  -> x is staged once and read by three 16-byte accesses for four elements (one at a time
//           `size` times for each) from shared memory; backward computes each t_j once.
// Bytes  -> forward 8, backward 12 per element, in bf16 half of it, the least possible. Staged bf16
//           stays bf16; sums, t and d are fp32. Of dy, y and dx a thread takes 8 bytes there.
// Limits -> c <= 8192.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/device/vector.h>
#include <fovea/kernels/cuda/lrn.cuh>

#include <cstdint>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kSmall = 2048;  // elements: 6 blocks of 24 KiB on an SM; more would spill registers
constexpr int kLarge = 8192;  // for deeper pixels: 2 blocks

struct AcrossGeometry {
  std::int64_t elements;
  int c;
  int pixels;  // of a block
  ChannelWindows windows;

  AcrossGeometry(const LrnProblem& p, int capacity)
      : elements{p.x_shape().elements()}, c{p.c}, pixels{capacity / p.c}, windows{p} {}

  __device__ __forceinline__ std::int64_t begin() const {
    return static_cast<std::int64_t>(blockIdx.x) * pixels * c;
  }
  /// Elements of this block.
  __device__ __forceinline__ int count() const {
    const std::int64_t rest = elements - begin();
    return rest < pixels * c ? static_cast<int>(rest) : pixels * c;
  }
};

template <int Capacity, class T>
struct AcrossTile {
  static constexpr int kBlocks = Capacity == kSmall ? 6 : 2;  // on an SM
  struct Forward {
    alignas(16) T x[Capacity];
  };
  struct Backward {
    alignas(16) T x[Capacity];
    alignas(16) float t[Capacity];       // dy x d^(-beta-1)
    alignas(16) float direct[Capacity];  // dy d^-beta
  };
};

template <int Capacity, int W, class T>
__global__ void __launch_bounds__(kLrnThreads, AcrossTile<Capacity, T>::kBlocks)
    lrn_across_forward_kernel(AcrossGeometry g, const T* x, T* y) {
  auto& s = block_shared<typename AcrossTile<Capacity, T>::Forward>();
  const std::int64_t begin = g.begin();
  const int count = g.count();
  stage<kStaged<W, T>>(s.x, x + begin, count);
  __syncthreads();  // x visible
  for (int e = static_cast<int>(threadIdx.x) * W; e < count; e += kLrnThreads * W) {
    store_floats<W>(y + begin + e, g.windows.normalised<W>(s.x, e));
  }
}

template <int Capacity, int W, class T>
__global__ void __launch_bounds__(kLrnThreads, AcrossTile<Capacity, T>::kBlocks)
    lrn_across_backward_kernel(AcrossGeometry g, const T* x, const T* dy, T* dx) {
  auto& s = block_shared<typename AcrossTile<Capacity, T>::Backward>();
  const std::int64_t begin = g.begin();
  const int count = g.count();
  stage<kStaged<W, T>>(s.x, x + begin, count);
  __syncthreads();  // x visible
  for (int e = static_cast<int>(threadIdx.x) * W; e < count; e += kLrnThreads * W) {
    const auto d = g.windows.denominators<W>(s.x, e);
    const auto gradient = load_floats<W>(dy + begin + e);
    const auto own = load_floats<W>(s.x + e);
    Vector<float, W> direct, t;
    for (int l = 0; l < W; ++l) {
      const InversePowers power = inverse_powers(d[l], g.windows.beta);
      direct[l] = gradient[l] * power.beta;
      t[l] = direct[l] * own[l] * power.one;
    }
    store_vector<W>(s.direct + e, direct);
    store_vector<W>(s.t + e, t);
  }
  __syncthreads();  // t visible
  for (int e = static_cast<int>(threadIdx.x) * W; e < count; e += kLrnThreads * W) {
    store_floats<W>(dx + begin + e, g.windows.gradients<W>(s.x, s.t, s.direct, e));
  }
}

Launch launch_of(const AcrossGeometry& g, std::size_t smem) {
  return {.grid = {ceil_div(g.elements, std::int64_t{g.pixels} * g.c)},
          .block = {kLrnThreads},
          .smem = smem};
}

template <int Capacity, int W, class T>
void forward_by(const LrnProblem& p, const T* x, T* y, StreamView stream) {
  const AcrossGeometry g(p, Capacity);
  launch(lrn_across_forward_kernel<Capacity, W, T>,
         launch_of(g, sizeof(typename AcrossTile<Capacity, T>::Forward)), stream, g, x, y);
}

template <int Capacity, int W, class T>
void backward_by(const LrnProblem& p, const T* x, const T* dy, T* dx, StreamView stream) {
  const AcrossGeometry g(p, Capacity);
  launch(lrn_across_backward_kernel<Capacity, W, T>,
         launch_of(g, sizeof(typename AcrossTile<Capacity, T>::Backward)), stream, g, x, dy, dx);
}

void run_across_forward(const LrnProblem& p, const LrnForward::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    const auto* x = a.x.as<T>();
    auto* y = a.y.as<T>();
    const bool vectors = windows_of_four<T>(p) && is_aligned(x, 16) && is_aligned(y, 16);
    const auto run = p.c <= kSmall
                         ? (vectors ? forward_by<kSmall, 4, T> : forward_by<kSmall, 1, T>)
                         : (vectors ? forward_by<kLarge, 4, T> : forward_by<kLarge, 1, T>);
    run(p, x, y, stream);
  });
}

void run_across_backward(const LrnProblem& p, const LrnBackward::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    const auto* x = a.x.as<T>();
    const auto* dy = a.dy.as<T>();
    auto* dx = a.dx.as<T>();
    const bool vectors =
        windows_of_four<T>(p) && is_aligned(x, 16) && is_aligned(dy, 16) && is_aligned(dx, 16);
    const auto run = p.c <= kSmall
                         ? (vectors ? backward_by<kSmall, 4, T> : backward_by<kSmall, 1, T>)
                         : (vectors ? backward_by<kLarge, 4, T> : backward_by<kLarge, 1, T>);
    run(p, x, dy, dx, stream);
  });
}

Verdict can_run_across(const LrnProblem& p, const DeviceInfo&) {
  if (p.within) return Verdict::no("normalises within maps");
  if (p.c > kLarge) return Verdict::no("more than 8192 channels");
  return {};
}

}  // namespace

Algorithm<LrnForward> lrn_across_forward() {
  return make_algorithm<LrnForward>({.name = "across",
                                     .run = run_across_forward,
                                     .can_run = can_run_across,
                                     .exact_on_integers = false});
}
Algorithm<LrnBackward> lrn_across_backward() {
  return make_algorithm<LrnBackward>({.name = "across",
                                      .run = run_across_backward,
                                      .can_run = can_run_across,
                                      .exact_on_integers = false});
}

}  // namespace fovea::FOVEA_TARGET
