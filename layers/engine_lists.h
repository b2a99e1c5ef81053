// engine_lists.h - whether engine lists can be meant: asked before anything is read or planned.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/policy.h>
#include <fovea/kernels/ops/registry.h>
#include <fovea/layers/recipe.h>

namespace fovea {

/// Throws InvalidArgument for an engine that neither fovea nor the registry has, an algorithm that
/// its engine has not, a list for layers of which the recipe has none (not asked of an own_net);
/// Unsupported for a list of which nothing computes on the device. An engine that fovea has and
/// this build, or this device, lacks may stand in a list beside others: lists are shared among
/// machines. Whether the list can compute each op is for the plan to say.
FOVEA_API void require_known(const Policy& policy, const Registry& registry, const Device& device,
                             const Recipe& recipe);

}  // namespace fovea
