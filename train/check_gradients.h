// check_gradients.h - compares backward with differences of the loss, layer by layer.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/registry.h>
#include <fovea/layers/plan.h>
#include <fovea/layers/recipe.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fovea {

struct GradientCheckOptions {
  int batch = 4;
  std::uint64_t seed = 1;
  Device device = Device::cpu();
  Policy policy = {};                  // empty: Policy::defaults(device)
  const Registry* registry = nullptr;  // nullptr: default_registry()
  /// Told who computes, before the first difference.
  std::function<void(const Plan&)> on_plan = {};
};

/// One gradient: of a parameter, or of a layer's input.
struct GradientCheck {
  std::string layer, what;  // "conv1", "weight"; "conv1", "input"
  double error = 0;         // relative, see check_gradients()
  double step = 0;          // the one with the smallest error
  bool right = false;       // error <= kGradientBound
};

/// Differences in fp32 carry rounding and the kinks of ReLU and max pooling: right gradients come
/// out below 0.02 as a rule, wrong ones are of order 1.
inline constexpr double kGradientBound = 0.05;

/// For each parameter and each layer's input t with gradient g: along two random directions v with
/// Gaussian components, leaning by 3 towards g, the central difference L(t + h v) - L(t - h v)
/// against <g, difference of the two fp32 points>, divided by the larger of both and 2 h |g|. h
/// runs over 10^-1 .. 10^-4.5 times the root mean square of a weight, 0.25 for others; the best
/// step counts, since rounding spoils small ones and kinks large ones, the worse direction counts.
/// The loss is computed from the scores on the host in fp64; everything else in fp32 by the engines
/// of the policy. Inputs and labels are seeded; dropout drops the same in every evaluation. Rows go
/// from the last layer to the first: the first wrong input gradient is that of the culprit.
FOVEA_API std::vector<GradientCheck> check_gradients(const Recipe& recipe, int outputs,
                                                     const GradientCheckOptions& options = {});

}  // namespace fovea
