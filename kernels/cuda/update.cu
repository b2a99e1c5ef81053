// update.cu - SGD over all parameters in one launch, and the check of the gradients before it.
// Thread -> W consecutive elements of the block of parameters (W = 4 where addresses allow). Every
//           parameter begins at a multiple of 64 elements, so a thread's elements belong to one; it
//           finds that one by bisection of the table, which lies in L1, while its loads are under
//           way. The padding between parameters is left alone.
// Bytes  -> update 20 per element, check 4: the least possible. The table is 32 per parameter.
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

template <int W>
__global__ void __launch_bounds__(kPointwiseThreads)
    sgd(UpdateProblem p, const Segment* table, const StepState* state, const float* gradient,
        float* weights, float* velocity) {
  const std::int64_t first = item_of_thread() * W;
  if (first >= p.count || state->nonfinite != 0) return;  // W divides the count
  const Vector<float, W> g = load_vector<W>(gradient + first);
  Vector<float, W> w = load_vector<W>(weights + first);
  Vector<float, W> v = load_vector<W>(velocity + first);
  const Segment segment = segment_of(first, table, p.segments);
  const std::int64_t end = segment.offset + segment.length;
  if (first >= end || segment.frozen != 0) return;
  const float rate = state->learning_rate * segment.rate;
  for (int l = 0; l < W; ++l) {
    if (first + l >= end) continue;
    v[l] = fma(p.momentum, v[l], -rate * fma(segment.decay, w[l], g[l]));
    w[l] += v[l];
  }
  store_vector<W>(velocity + first, v);
  store_vector<W>(weights + first, w);
}

template <int W>
__global__ void __launch_bounds__(kPointwiseThreads)
    check_finite(std::int64_t count, const float* gradient, StepState* state) {
  const std::int64_t first = item_of_thread() * W;
  if (first >= count) return;  // W divides the count
  const Vector<float, W> g = load_vector<W>(gradient + first);
  bool finite = true;
  for (int l = 0; l < W; ++l) finite = finite && is_finite(g[l]);
  if (!finite) state->nonfinite = 1;  // every writer writes the same
}

void run_sgd(const UpdateProblem& p, const SgdUpdate::Args& a, StreamView stream) {
  if (p.count == 0 || p.segments == 0) return;
  const auto* gradient = a.gradient.as<float>();
  const auto* table = reinterpret_cast<const Segment*>(a.segments.as<std::uint8_t>());
  auto* weights = a.weights.as<float>();
  auto* velocity = a.velocity.as<float>();
  if (p.count % 4 == 0 && allow_vectors(gradient, weights, velocity)) {
    launch(sgd<4>, launch_for(p.count / 4), stream, p, table, a.context.state, gradient, weights,
           velocity);
  } else {
    launch(sgd<1>, launch_for(p.count), stream, p, table, a.context.state, gradient, weights,
           velocity);
  }
}

void run_check(const UpdateProblem& p, const FiniteCheck::Args& a, StreamView stream) {
  if (p.count == 0) return;
  const auto* gradient = a.gradient.as<float>();
  if (p.count % 4 == 0 && allow_vectors(gradient)) {
    launch(check_finite<4>, launch_for(p.count / 4), stream, p.count, gradient, a.context.state);
  } else {
    launch(check_finite<1>, launch_for(p.count), stream, p.count, gradient, a.context.state);
  }
}

}  // namespace

Algorithm<SgdUpdate> sgd_update() {
  return make_algorithm<SgdUpdate>({.name = "vector", .run = run_sgd, .exact_on_integers = false});
}
Algorithm<FiniteCheck> finite_check() {
  return make_algorithm<FiniteCheck>({.name = "vector", .run = run_check});
}

}  // namespace fovea::FOVEA_TARGET
