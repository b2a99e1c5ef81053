// dropout.cu - a function of (seed, layer, step, element of the step's batch): elementwise.h.
// Thread -> W elements, 16 bytes: those of one Philox call, in bf16 of two. Elements are counted
//           over the step's whole batch, so the same bits come out however the batch is split;
//           where a part does not begin at a multiple of W, the first and the last thread serve
//           fewer elements of it.
// Access -> 16 bytes where the part begins at a multiple of W and addresses allow, else one
// element. 8 bytes per element, in bf16 4, the least possible; no mask is stored, backward draws it
// again.
#include <fovea/kernels/cuda/drop_draw.h>
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/cuda/pointwise.cuh>

namespace fovea::FOVEA_TARGET {
namespace {

constexpr int kOfCall = 4;  // elements

template <class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    draw_dropout(std::int64_t count, std::int64_t per_image, DropDraw draw, bool vectors,
                 const StepState* state, const T* x, T* y) {
  constexpr int W = kPerAccess<T>;
  constexpr int kCalls = W / kOfCall;
  const auto begin = static_cast<std::int64_t>(state->first_row) * per_image;
  const std::int64_t group = begin / W + item_of_thread();
  const std::int64_t first = group * W - begin;  // in this part; below 0 in its first group
  if (first >= count) return;
  const Philox philox = draw.numbers(*state);
  Bits4 bits[kCalls];
  FOVEA_UNROLL
  for (int i = 0; i < kCalls; ++i) bits[i] = philox(static_cast<std::uint64_t>(group * kCalls + i));
  if (vectors && begin % W == 0 && first + W <= count) {
    Vector<float, W> v = load_floats<W>(x + first);
    FOVEA_UNROLL
    for (int l = 0; l < W; ++l) v[l] = draw(v[l], bits[l / kOfCall].v[l % kOfCall]);
    store_floats<W>(y + first, v);
    return;
  }
  FOVEA_UNROLL
  for (int l = 0; l < W; ++l) {
    const std::int64_t i = first + l;
    if (i < 0 || i >= count) continue;
    store_float(y + i, draw(load_float(x + i), bits[l / kOfCall].v[l % kOfCall]));
  }
}

template <class T>
void run_draw(const DropoutProblem& p, const StepState* state, const T* x, T* y,
              StreamView stream) {
  const std::int64_t count = checked_mul(p.images, p.per_image);
  if (count == 0) return;
  // One thread more than groups: a part may begin and end inside one.
  launch(draw_dropout<T>, launch_for(count / kPerAccess<T> + 2), stream, count, p.per_image,
         DropDraw{{p.rate, p.scale, p.layer}}, allow_vectors(x, y), state, x, y);
}

void run(const DropoutProblem& p, const Dropout::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) { run_draw(p, a.context.state, a.x.as<T>(), a.y.as<T>(), stream); });
}

}  // namespace

Algorithm<Dropout> dropout() { return make_algorithm<Dropout>({.name = "philox", .run = run}); }

}  // namespace fovea::FOVEA_TARGET
