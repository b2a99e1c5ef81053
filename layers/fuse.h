// fuse.h - the fusion pass: neighbours become epilogues of one problem where an algorithm in the
// list can run them joined.
#pragma once

#include <fovea/core/api.h>
#include <fovea/layers/graph.h>
#include <fovea/layers/op.h>

#include <string>
#include <vector>

namespace fovea {

/// Joins, in convolutions and linear layers: bias, activation and dropout into forward; the bias
/// gradient into wgrad; ReLU's derivative of the layer below, and the sum of two gradients, into
/// dgrad. And LRN with the max pooling behind it, both passes, where the engine that runs LRN can.
/// And lets the input cast leave x folded for a first convolution with a stride, in math mode bf16
/// or where `fastest` measured that it pays; the convolution's weights then are a derived value.
/// Values named in `keep` stay. Call it after add_backward().
FOVEA_API void fuse(Graph& graph, const Target& target, const std::vector<std::string>& keep = {});

}  // namespace fovea
