// added.h - a convolution of one's own in a registry.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/conv_algorithm.h>
#include <fovea/kernels/ops/registry.h>

namespace fovea {

/// Appends it to its pass's list. Where it works on NCHW its operands are converted before and
/// after it, in its workspace: part of every call, told apart by kernels/compare. Throws
/// InvalidArgument for what cannot be meant: no name, no device, no run, an engine of fovea's, an
/// epilogue of another pass or one that needs the step's state (+drop, +sgd).
FOVEA_API void add_convolution(Registry& registry, const ConvAlgorithm& algorithm);

}  // namespace fovea
