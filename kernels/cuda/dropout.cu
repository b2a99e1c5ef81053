// dropout.cu - a function of (seed, layer, step, element of the step's batch): elementwise.h.
// Thread -> the four elements of one Philox call. Elements are counted over the step's whole batch,
//           so the same bits come out however the batch is split; where a part does not begin at a
//           multiple of four, the first and the last call serve fewer elements of it.
// Access -> 16 bytes where the part begins at a multiple of four and addresses allow, else 4.
// 8 bytes per element, the least possible; no mask is stored, backward draws it again.
#include <fovea/core/philox.h>
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/cuda/pointwise.cuh>

namespace fovea::FOVEA_TARGET {
namespace {

struct DropoutDraw {
  float rate, scale;
  __device__ float operator()(float x, std::uint32_t bits) const {
    return uniform(bits) >= rate ? x * scale : 0.0F;
  }
};

__global__ void __launch_bounds__(kPointwiseThreads)
    draw_dropout(std::int64_t count, std::int64_t per_image, DropoutDraw draw, std::uint32_t layer,
                 bool vectors, const StepState* state, const float* x, float* y) {
  const auto begin = static_cast<std::int64_t>(state->first_row) * per_image;
  const std::int64_t call = begin / 4 + item_of_thread();
  const std::int64_t first = call * 4 - begin;  // in this part; below 0 in its first call
  if (first >= count) return;
  const Philox philox{state->seed, stream_key(Purpose::dropout, layer, state->step)};
  const Bits4 bits = philox(static_cast<std::uint64_t>(call));
  if (vectors && begin % 4 == 0 && first + 4 <= count) {
    Vector<float, 4> v = load_vector<4>(x + first);
    for (int l = 0; l < 4; ++l) v[l] = draw(v[l], bits.v[l]);
    store_vector<4>(y + first, v);
    return;
  }
  for (int l = 0; l < 4; ++l) {
    const std::int64_t i = first + l;
    if (i >= 0 && i < count) y[i] = draw(x[i], bits.v[l]);
  }
}

void run(const DropoutProblem& p, const Dropout::Args& a, StreamView stream) {
  const auto* x = a.x.as<float>();
  auto* y = a.y.as<float>();
  const std::int64_t count = checked_mul(p.images, p.per_image);
  if (count == 0) return;
  // One call more than fours: a part may begin and end inside one.
  launch(draw_dropout, launch_for(count / 4 + 2), stream, count, p.per_image,
         DropoutDraw{p.rate, p.scale}, p.layer, allow_vectors(x, y),
         static_cast<const StepState*>(a.context.state), x, y);
}

}  // namespace

Algorithm<Dropout> dropout() { return make_algorithm<Dropout>({.name = "philox", .run = run}); }

}  // namespace fovea::FOVEA_TARGET
