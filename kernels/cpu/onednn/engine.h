// engine.h - the parts of engine `onednn`, one function for each op's list.
#pragma once

#include <fovea/kernels/ops/registry.h>

namespace fovea::onednn {

void add_conv(Registry& registry);
void add_linear(Registry& registry);

inline constexpr char kEngine[] = "onednn";

}  // namespace fovea::onednn
