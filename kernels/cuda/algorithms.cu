// algorithms.cu - the ordered lists of engine "fovea": within an op the first that can run a
// problem is taken. One line an algorithm; a new kernel is added here and nowhere else. The order
// is that of docs/kernels/implicit_gemm.md, Order of choice.
#include <fovea/kernels/cuda/algorithms.h>

#include <fovea/kernels/cuda/factories.h>

namespace fovea::FOVEA_TARGET {

namespace {

constexpr Math kMaths[] = {Math::fp32, Math::tf32, Math::bf16};

}  // namespace

void add_algorithms(Registry& registry) {
  for (const Math m : kMaths) registry.add(conv_forward_implicit_gemm(m));
  registry.add(conv_forward_direct_tiled());
  for (const Math m : kMaths) registry.add(conv_forward_space_to_depth(m));
  registry.add(conv_forward_naive());
  for (const Math m : kMaths) registry.add(conv_dgrad_implicit_gemm(m));
  registry.add(conv_dgrad_direct_tiled());
  registry.add(conv_dgrad_naive());
  registry.add(conv_wgrad_space_to_depth(Math::fp32));
  for (const Math m : kMaths) registry.add(conv_wgrad_implicit_gemm(m));
  registry.add(conv_wgrad_direct_tiled());
  for (const Math m : {Math::tf32, Math::bf16}) registry.add(conv_wgrad_space_to_depth(m));
  registry.add(conv_wgrad_naive());
  for (const Math m : kMaths) registry.add(linear_forward_pipelined(m));
  registry.add(linear_forward_tiled());
  registry.add(linear_forward_naive());
  for (const Math m : kMaths) registry.add(linear_dgrad_pipelined(m));
  registry.add(linear_dgrad_tiled());
  registry.add(linear_dgrad_naive());
  for (const Math m : kMaths) registry.add(linear_wgrad_pipelined(m));
  registry.add(linear_wgrad_tiled());
  registry.add(linear_wgrad_naive());
  // All other ops.
  registry.add(relu_forward());
  registry.add(tanh_forward());
  registry.add(relu_backward());
  registry.add(tanh_backward());
  registry.add(scale());
  registry.add(add());
  registry.add(add_bias());
  registry.add(bias_gradient());
  registry.add(dropout());
  registry.add(max_pool_forward());
  registry.add(max_pool_backward());
  registry.add(avg_pool_forward());
  registry.add(avg_pool_backward());
  registry.add(lrn_across_forward());
  registry.add(lrn_within_forward());
  registry.add(lrn_across_backward());
  registry.add(lrn_within_backward());
  registry.add(lrn_pool_forward_walking());
  registry.add(lrn_pool_backward_walking());
  registry.add(lrn_pool_forward());
  registry.add(lrn_pool_backward());
  registry.add(softmax());
  registry.add(softmax_loss());
  registry.add(softmax_loss_backward());
  registry.add(mse_loss());
  registry.add(mse_loss_backward());
  registry.add(record_metrics());
  registry.add(sgd_update());
  registry.add(finite_check());
  registry.add(input_cast());
  registry.add(fold_weights());
}

}  // namespace fovea::FOVEA_TARGET
