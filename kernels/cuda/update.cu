// update.cu - SGD over all parameters in one launch, and the check of the gradients before it.
// Thread -> W consecutive elements of the block of parameters (W = 4 where addresses allow), and
//           again those a grid further, up to the end. Every parameter begins at a multiple of 64
//           elements, so W elements belong to one; it is found by bisection of the table, which
//           lies in L1, while loads are under way, and only where the last one ends. The padding
//           between parameters is left alone.
// Grid   -> at most kMostBlocks: the threads that an H100 has at once.
// bf16   -> the gradient of a parameter may lie in bf16 in the first half of its slots of 4 bytes,
//           and the update may write the weights rounded to bf16: 8 bytes a thread of each.
// Bytes  -> update 20 per element, check 4: the least possible; with bf16 gradients and copies 20
//           and 2. The table is 32 per parameter.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/math.h>
#include <fovea/kernels/cuda/pointwise.cuh>

#include <algorithm>

namespace fovea::FOVEA_TARGET {
namespace {

/// The segment with the largest offset that is not behind `element`, by bisection. The table is in
/// ascending or descending order of offsets, and one offset is 0.
__device__ Segment segment_of(std::int64_t element, const Segment* table, int count) {
  const bool descending = table[0].offset > table[count - 1].offset;
  const auto at = [&](int i) { return descending ? count - 1 - i : i; };
  int low = 0, high = count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (table[at(middle)].offset <= element) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return table[at(low)];
}

constexpr unsigned kMostBlocks = 1056;  // 132 SMs of 8; any number gives the same bits

/// Elements from one of a thread's to the next.
template <int W>
__device__ __forceinline__ std::int64_t stride_of_grid() {
  return static_cast<std::int64_t>(gridDim.x) * kPointwiseThreads * W;
}

/// Whether `element`, of W with one owner, is this segment's, or of the padding behind it.
__device__ __forceinline__ bool owns(const Segment& s, std::int64_t element) {
  constexpr std::int64_t kUnit = kParameterAlignment;
  return element >= s.offset && element < s.offset + (s.length + kUnit - 1) / kUnit * kUnit;
}

/// The gradients of W elements of a segment, in its type.
template <int W>
__device__ __forceinline__ Vector<float, W> gradients_of(const Segment& segment,
                                                         const float* gradient,
                                                         std::int64_t first) {
  if (segment.bf16_gradient == 0) return load_floats<W>(gradient + first);
  const auto* narrow = reinterpret_cast<const bf16*>(gradient + segment.offset);
  return load_floats<W>(narrow + (first - segment.offset));
}

template <int W>
__global__ void __launch_bounds__(kPointwiseThreads)
    sgd(UpdateProblem p, const Segment* table, const StepState* state, const float* gradient,
        float* weights, float* velocity, bf16* copies) {
  if (state->nonfinite != 0) return;
  const float learning_rate = state->learning_rate;
  Segment segment{};  // nobody's
  for (std::int64_t first = item_of_thread() * W; first < p.count; first += stride_of_grid<W>()) {
    Vector<float, W> w = load_vector<W>(weights + first);  // W divides the count
    Vector<float, W> v = load_vector<W>(velocity + first);
    // Where nothing is copied to bf16 gradients are fp32, but for a table that says otherwise, and
    // need not wait for it.
    Vector<float, W> g{};
    if (copies == nullptr) g = load_vector<W>(gradient + first);
    if (!owns(segment, first)) segment = segment_of(first, table, p.segments);
    const std::int64_t end = segment.offset + segment.length;
    if (first >= end || segment.frozen != 0) continue;
    if (copies != nullptr || segment.bf16_gradient != 0) {
      g = gradients_of<W>(segment, gradient, first);
    }
    const float rate = learning_rate * segment.rate;
    for (int l = 0; l < W; ++l) {
      if (first + l >= end) continue;
      v[l] = fma(p.momentum, v[l], -rate * fma(segment.decay, w[l], g[l]));
      w[l] += v[l];
    }
    store_vector<W>(velocity + first, v);
    store_vector<W>(weights + first, w);
    if (copies == nullptr) continue;
    if (first + W <= end) {
      store_floats<W>(copies + first, w);
    } else {
      for (int l = 0; l < W; ++l) {
        if (first + l < end) store_float(copies + first + l, w[l]);
      }
    }
  }
}

/// Whether the gradients in the W slots from the `first` on are finite.
template <int W>
__device__ __forceinline__ bool all_finite(const Segment& segment, const float* gradient,
                                           std::int64_t first) {
  bool finite = true;
  if (segment.bf16_gradient != 0) {
    const std::int64_t element = 2 * (first - segment.offset);
    if (element >= segment.length) return true;  // the unused half of the slots, or padding
    const auto g = load_floats<2 * W>(reinterpret_cast<const bf16*>(gradient + first));
    for (int l = 0; l < 2 * W; ++l) {
      finite = finite && (element + l >= segment.length || is_finite(g[l]));
    }
  } else {
    const Vector<float, W> g = load_vector<W>(gradient + first);
    for (int l = 0; l < W; ++l) finite = finite && is_finite(g[l]);
  }
  return finite;
}

template <int W>
__global__ void __launch_bounds__(kPointwiseThreads)
    check_finite(UpdateProblem p, const Segment* table, const float* gradient, StepState* state) {
  Segment segment{};  // nobody's
  bool finite = true;
  for (std::int64_t first = item_of_thread() * W; first < p.count; first += stride_of_grid<W>()) {
    if (!owns(segment, first)) segment = segment_of(first, table, p.segments);
    finite = all_finite<W>(segment, gradient, first) && finite;
  }
  if (!finite) state->nonfinite = 1;  // every writer writes the same
}

/// One thread for W of `count` elements, as far as the grid goes.
Launch launch_grid(std::int64_t count, int width) {
  Launch l = launch_for(count / width);
  l.grid.x = std::min(l.grid.x, kMostBlocks);
  return l;
}

void run_sgd(const UpdateProblem& p, const SgdUpdate::Args& a, StreamView stream) {
  if (p.count == 0 || p.segments == 0) return;
  const auto* gradient = a.gradient.as<float>();
  const auto* table = reinterpret_cast<const Segment*>(a.segments.as<std::uint8_t>());
  auto* weights = a.weights.as<float>();
  auto* velocity = a.velocity.as<float>();
  auto* copies = a.copies ? a.copies.as<bf16>() : nullptr;
  const bool vectors = allow_vectors(gradient, weights, velocity) && is_aligned(copies, 8);
  by_width<float>(p.count, vectors, [&]<int W>(Width<W>) {
    launch(sgd<W>, launch_grid(p.count, W), stream, p, table, a.context.state, gradient, weights,
           velocity, copies);
  });
}

void run_check(const UpdateProblem& p, const FiniteCheck::Args& a, StreamView stream) {
  if (p.count == 0 || p.segments == 0) return;
  const auto* gradient = a.gradient.as<float>();
  const auto* table = reinterpret_cast<const Segment*>(a.segments.as<std::uint8_t>());
  by_width<float>(p.count, allow_vectors(gradient), [&]<int W>(Width<W>) {
    launch(check_finite<W>, launch_grid(p.count, W), stream, p, table, gradient, a.context.state);
  });
}

}  // namespace

Algorithm<SgdUpdate> sgd_update() {
  return make_algorithm<SgdUpdate>({.name = "vector", .run = run_sgd, .exact_on_integers = false});
}
Algorithm<FiniteCheck> finite_check() {
  return make_algorithm<FiniteCheck>({.name = "vector", .run = run_check});
}

}  // namespace fovea::FOVEA_TARGET
