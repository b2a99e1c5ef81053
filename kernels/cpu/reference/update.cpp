// update.cpp - SGD with momentum and the check before it, by their definitions (update.h).
#include <fovea/kernels/cpu/reference/parts.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace fovea::reference {
namespace {

std::span<const Segment> table_of(const UpdateProblem& p, const TensorView& segments) {
  return {reinterpret_cast<const Segment*>(segments.as<std::uint8_t>()),
          static_cast<std::size_t>(p.segments)};
}

// Element i of the gradient of one parameter.
float gradient_of(const Segment& segment, const float* gradients, std::int64_t i) {
  const float* first = gradients + segment.offset;
  return segment.bf16_gradient != 0 ? to_float(reinterpret_cast<const bf16*>(first)[i]) : first[i];
}

void sgd(const UpdateProblem& p, const SgdUpdate::Args& args) {
  const StepState& state = state_of(args.context, "sgd");
  if (state.nonfinite != 0) return;
  const float* g = args.gradient.as<float>();
  float* w = args.weights.as<float>();
  float* v = args.velocity.as<float>();
  bf16* copies = args.copies ? args.copies.as<bf16>() : nullptr;
  for (const Segment& segment : table_of(p, args.segments)) {
    if (segment.frozen != 0) continue;
    const double rate = double{state.learning_rate} * segment.rate;
    for (std::int64_t k = 0; k < segment.length; ++k) {
      const std::int64_t i = segment.offset + k;
      v[i] = static_cast<float>(double{p.momentum} * v[i] -
                                rate * (double{segment.decay} * w[i] + gradient_of(segment, g, k)));
      w[i] += v[i];
      if (copies != nullptr) copies[i] = to_bf16(w[i]);
    }
  }
}

// Whether the places from `first` on, up to the next multiple of kParameterAlignment, are of a
// gradient in bf16, which has numbers in the first half of its places and none in its padding.
bool in_bf16(std::span<const Segment> table, std::int64_t first) {
  return std::ranges::any_of(table, [first](const Segment& s) {
    return s.bf16_gradient != 0 && first >= s.offset && first < s.offset + s.length;
  });
}

void finite_check(const UpdateProblem& p, const FiniteCheck::Args& args) {
  StepState& state = state_of(args.context, "finite_check");
  const float* g = args.gradient.as<float>();
  const std::span<const Segment> table = table_of(p, args.segments);
  bool finite = true;
  for (const Segment& segment : table) {
    if (segment.bf16_gradient == 0) continue;
    for (std::int64_t k = 0; k < segment.length; ++k) {
      finite = finite && std::isfinite(gradient_of(segment, g, k));
    }
  }
  for (std::int64_t first = 0; first < p.count; first += kParameterAlignment) {  // f32, padding too
    if (in_bf16(table, first)) continue;
    const std::int64_t end = std::min(p.count, first + kParameterAlignment);
    for (std::int64_t i = first; i < end; ++i) finite = finite && std::isfinite(g[i]);
  }
  if (!finite) state.nonfinite = 1;
}

}  // namespace

void add_update(Registry& registry) {
  add_loops<SgdUpdate>(registry, sgd);
  add_loops<FiniteCheck>(registry, finite_check);
}

}  // namespace fovea::reference
