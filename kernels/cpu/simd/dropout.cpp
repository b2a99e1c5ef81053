// dropout.cpp - dropout: 64 elements at a time, which are 16 draws of four.
#include <fovea/core/philox.h>
#include <fovea/kernels/cpu/simd/parts.h>

#include <algorithm>

namespace fovea::simd {
namespace {

constexpr int kDraws = 16;
constexpr int kElements = 4 * kDraws;

struct DropoutLoop {
  // keep[i] = whether element 4 * first_draw + i is kept.
  static void draw(Philox random, std::uint64_t first_draw, float rate, bool* keep) {
    std::uint32_t bits[4][kDraws];
    for (int d = 0; d < kDraws; ++d) {
      const Bits4 b = random(first_draw + static_cast<std::uint64_t>(d));
      for (int i = 0; i < 4; ++i) bits[i][d] = b.v[i];
    }
    for (int d = 0; d < kDraws; ++d) {
      for (int i = 0; i < 4; ++i) keep[4 * d + i] = uniform(bits[i][d]) >= rate;
    }
  }

  // Elements [begin, end) of x; `offset` is the global index of x[0].
  template <int>
  static void run(std::int64_t begin, std::int64_t end, Philox random, std::uint64_t offset,
                  float rate, float scale, const float* x, float* y) {
    bool keep[kElements];
    for (std::int64_t i = begin; i < end;) {
      const std::uint64_t element = offset + static_cast<std::uint64_t>(i);
      const std::int64_t skip = static_cast<std::int64_t>(element % 4);
      const std::int64_t count = std::min<std::int64_t>(kElements - skip, end - i);
      draw(random, element / 4, rate, keep);
#pragma GCC ivdep
      for (std::int64_t j = 0; j < count; ++j) {
        const float kept = scale * x[i + j];
        y[i + j] = keep[skip + j] ? kept : 0.0F;
      }
      i += count;
    }
  }
};

void dropout(const DropoutProblem& p, const Dropout::Args& args, Isa isa) {
  const StepState& state = state_of(args.context, "dropout");
  const float* x = args.x.as<float>();
  const Philox random{state.seed, stream_key(Purpose::dropout, p.layer, state.step)};
  const std::uint64_t offset = state.first_row * static_cast<std::uint64_t>(p.per_image);
  run_parts<DropoutLoop>(isa, p.images * p.per_image, kGrain / 8, random, offset, p.rate, p.scale,
                         x, args.y.as<float>());
}

}  // namespace

void add_dropout(Registry& registry, Isa isa) { add_loops<Dropout>(registry, isa, dropout); }

}  // namespace fovea::simd
