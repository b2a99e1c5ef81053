// conv_setup.h - a ConvProblem in oneDNN's terms, and the ways in which it can be computed.
#pragma once

#include <fovea/kernels/cpu/onednn/compiled.h>
#include <fovea/kernels/ops/conv.h>

#include <memory>

namespace fovea::onednn {

/// How oneDNN computes a direct convolution: a variant, on tensors of a type.
struct ConvWay {
  memory::data_type type = memory::data_type::f32;  // of all but the biases and their gradients
  bool blocked = false;     // activations in oneDNN's blocked layout, reordered inside
  bool no_brgconv = false;  // pass over the batch-reduced GEMM kernels, for the plain jit ones
};

/// Shapes as the caller holds them (NHWC, KRSC), in oneDNN's logical order (NCHW, [G]KCRS).
struct ConvSetup {
  ConvSetup(const ConvProblem& p, memory::data_type type);

  memory::desc x, w, b, y;  // b empty without bias
  memory::dims stride, dilation, begin, end;

  memory::dims x_dims, w_dims, y_dims;
};

/// What oneDNN is asked for in each pass. Throws dnnl::error where it has nothing.
dnnl::convolution_forward::primitive_desc forward_desc(const Maker& maker, const ConvProblem& p,
                                                       const ConvWay& way);
dnnl::convolution_backward_data::primitive_desc dgrad_desc(const Maker& maker, const ConvProblem& p,
                                                           const ConvWay& way);
dnnl::convolution_backward_weights::primitive_desc wgrad_desc(const Maker& maker,
                                                              const ConvProblem& p,
                                                              const ConvWay& way);

/// In bf16 what is still added to is fp32: dw always, dx with +acc.

/// One part of a batch: `p` with the part's images, which begin at image `first`.
void build_forward(Program& program, const ConvProblem& p, const ConvWay& way, std::int64_t first);
void build_dgrad(Program& program, const ConvProblem& p, const ConvWay& way, std::int64_t first);
/// With `own`, dw and db go to the temporaries kDw and kDb of the part, in fp32; else to the
/// caller's, in fp32 too.
void build_wgrad(Program& program, const ConvProblem& p, const ConvWay& way, std::int64_t first,
                 bool own);
inline constexpr Program::Slot kDw = 2, kDb = 3;

}  // namespace fovea::onednn
