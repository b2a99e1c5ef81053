// update.cpp - SGD with momentum over all parameters, and the check before it.
#include <fovea/kernels/cpu/simd/parts.h>

#include <algorithm>
#include <atomic>
#include <bit>

namespace fovea::simd {
namespace {

struct SgdLoop {
  // Elements [begin, end) of the block: the parts of each parameter that lie in it.
  static void run(std::int64_t begin, std::int64_t end, const Segment* segments, int count,
                  float momentum, float learning_rate, const float* g, float* w, float* v) {
    for (int s = 0; s < count; ++s) {
      const Segment& segment = segments[s];
      if (segment.frozen != 0) continue;
      const float rate = learning_rate * segment.rate;
      const float decay = segment.decay;
      const std::int64_t first = std::max(begin, segment.offset);
      const std::int64_t last = std::min(end, segment.offset + segment.length);
#pragma GCC ivdep
      for (std::int64_t i = first; i < last; ++i) {
        v[i] = momentum * v[i] - rate * (decay * w[i] + g[i]);
        w[i] += v[i];
      }
    }
  }
};

void sgd(const UpdateProblem& p, const SgdUpdate::Args& args, Isa isa) {
  const StepState& state = state_of(args.context, "sgd");
  if (state.nonfinite != 0) return;
  const auto* segments = reinterpret_cast<const Segment*>(args.segments.as<std::uint8_t>());
  const float* g = args.gradient.as<float>();
  run_parts<SgdLoop>(isa, p.count, kGrain, segments, p.segments, p.momentum, state.learning_rate, g,
                     args.weights.as<float>(), args.velocity.as<float>());
}

struct FiniteLoop {
  static void run(std::int64_t begin, std::int64_t end, const float* g, std::atomic<bool>* bad) {
    constexpr std::uint32_t kExponent = 0x7f800000U;  // all ones: infinite or NaN
    std::uint32_t found = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      found |= (std::bit_cast<std::uint32_t>(g[i]) & kExponent) == kExponent ? 1U : 0U;
    }
    if (found != 0) bad->store(true, std::memory_order_relaxed);
  }
};

void finite_check(const UpdateProblem& p, const FiniteCheck::Args& args, Isa isa) {
  StepState& state = state_of(args.context, "finite_check");
  const float* g = args.gradient.as<float>();
  std::atomic<bool> bad{false};
  run_parts<FiniteLoop>(isa, p.count, kGrain, g, &bad);
  if (bad) state.nonfinite = 1;
}

}  // namespace

void add_update(Registry& registry, Isa isa) {
  add_loops<SgdUpdate>(registry, isa, sgd);
  add_loops<FiniteCheck>(registry, isa, finite_check);
}

}  // namespace fovea::simd
