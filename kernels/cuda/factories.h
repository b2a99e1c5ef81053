// factories.h - what each kernel file offers: one function an algorithm, defined beside its kernel.
// algorithms.cu puts them in order.
#pragma once

#include <fovea/kernels/cuda/target.h>
#include <fovea/kernels/ops/registry.h>

namespace fovea::FOVEA_TARGET {

// kernels/cuda/conv
Algorithm<ConvForward> conv_forward_direct_tiled();
Algorithm<ConvDgrad> conv_dgrad_direct_tiled();
Algorithm<ConvWgrad> conv_wgrad_direct_tiled();
Algorithm<ConvForward> conv_forward_naive();
Algorithm<ConvDgrad> conv_dgrad_naive();
Algorithm<ConvWgrad> conv_wgrad_naive();
Algorithm<ConvForward> conv_forward_implicit_gemm(Math math);
Algorithm<ConvDgrad> conv_dgrad_implicit_gemm(Math math);
Algorithm<ConvWgrad> conv_wgrad_implicit_gemm(Math math);
Algorithm<ConvForward> conv_forward_space_to_depth(Math math);
Algorithm<ConvWgrad> conv_wgrad_space_to_depth(Math math);
Algorithm<FoldWeights> fold_weights();

// kernels/cuda/linear
Algorithm<LinearForward> linear_forward_tiled();
Algorithm<LinearDgrad> linear_dgrad_tiled();
Algorithm<LinearWgrad> linear_wgrad_tiled();
Algorithm<LinearForward> linear_forward_pipelined(Math math);
Algorithm<LinearForward> linear_forward_naive();
Algorithm<LinearDgrad> linear_dgrad_pipelined(Math math);
Algorithm<LinearDgrad> linear_dgrad_naive();
Algorithm<LinearWgrad> linear_wgrad_pipelined(Math math);
Algorithm<LinearWgrad> linear_wgrad_naive();

// activation.cu, add.cu, bias.cu, dropout.cu, scale.cu
Algorithm<ActivationForward> relu_forward();
Algorithm<ActivationForward> tanh_forward();
Algorithm<ActivationBackward> relu_backward();
Algorithm<ActivationBackward> tanh_backward();
Algorithm<Scale> scale();
Algorithm<Add> add();
Algorithm<AddBias> add_bias();
Algorithm<BiasGradient> bias_gradient();
Algorithm<Dropout> dropout();

// avg_pool.cu, max_pool.cu
Algorithm<MaxPoolForward> max_pool_forward();
Algorithm<MaxPoolBackward> max_pool_backward();
Algorithm<AvgPoolForward> avg_pool_forward();
Algorithm<AvgPoolBackward> avg_pool_backward();

// lrn_across.cu, lrn_pool.cu, lrn_pool_walking.cu, lrn_within.cu
Algorithm<LrnForward> lrn_across_forward();
Algorithm<LrnForward> lrn_within_forward();
Algorithm<LrnBackward> lrn_across_backward();
Algorithm<LrnBackward> lrn_within_backward();
Algorithm<LrnPoolForward> lrn_pool_forward();
Algorithm<LrnPoolBackward> lrn_pool_backward();
Algorithm<LrnPoolForward> lrn_pool_forward_walking();
Algorithm<LrnPoolBackward> lrn_pool_backward_walking();

// softmax.cu, mse.cu, metrics.cu, update.cu, input.cu
Algorithm<Softmax> softmax();
Algorithm<SoftmaxLoss> softmax_loss();
Algorithm<SoftmaxLossBackward> softmax_loss_backward();
Algorithm<MseLoss> mse_loss();
Algorithm<MseLossBackward> mse_loss_backward();
Algorithm<RecordMetrics> record_metrics();
Algorithm<SgdUpdate> sgd_update();
Algorithm<FiniteCheck> finite_check();
Algorithm<InputCast> input_cast();

}  // namespace fovea::FOVEA_TARGET
