// factories.h - what each kernel file offers: one function an algorithm, defined beside its kernel.
// algorithms.cu puts them in order.
#pragma once

#include <fovea/kernels/cuda/target.h>
#include <fovea/kernels/ops/registry.h>

namespace fovea::FOVEA_TARGET {

// kernels/cuda/conv
Algorithm<ConvForward> conv_forward_naive();
Algorithm<ConvDgrad> conv_dgrad_naive();
Algorithm<ConvWgrad> conv_wgrad_naive();

// kernels/cuda/linear
Algorithm<LinearForward> linear_forward_naive();
Algorithm<LinearDgrad> linear_dgrad_naive();
Algorithm<LinearWgrad> linear_wgrad_naive();

}  // namespace fovea::FOVEA_TARGET
