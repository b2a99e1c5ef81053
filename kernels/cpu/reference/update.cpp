// update.cpp - SGD with momentum and the check before it, by their definitions (update.h).
#include <fovea/kernels/cpu/reference/parts.h>

#include <cmath>

namespace fovea::reference {
namespace {

void sgd(const UpdateProblem& p, const SgdUpdate::Args& args) {
  const StepState& state = state_of(args.context, "sgd");
  if (state.nonfinite != 0) return;
  const float* g = args.gradient.as<float>();
  const auto* segments = reinterpret_cast<const Segment*>(args.segments.as<std::uint8_t>());
  float* w = args.weights.as<float>();
  float* v = args.velocity.as<float>();
  for (int s = 0; s < p.segments; ++s) {
    const Segment& segment = segments[s];
    if (segment.frozen != 0) continue;
    const double rate = double{state.learning_rate} * segment.rate;
    for (std::int64_t i = segment.offset; i < segment.offset + segment.length; ++i) {
      v[i] = static_cast<float>(double{p.momentum} * v[i] -
                                rate * (double{segment.decay} * w[i] + g[i]));
      w[i] += v[i];
    }
  }
}

void finite_check(const UpdateProblem& p, const FiniteCheck::Args& args) {
  StepState& state = state_of(args.context, "finite_check");
  const float* g = args.gradient.as<float>();
  for (std::int64_t i = 0; i < p.count; ++i) {
    if (!std::isfinite(g[i])) state.nonfinite = 1;
  }
}

}  // namespace

void add_update(Registry& registry) {
  add_loops<SgdUpdate>(registry, sgd);
  add_loops<FiniteCheck>(registry, finite_check);
}

}  // namespace fovea::reference
