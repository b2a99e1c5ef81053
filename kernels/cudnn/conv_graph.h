// conv_graph.h - one pass of a convolution with its epilogue as an operation graph of cuDNN.
//
//   forward  y  = relu(conv(x, w) + b)          conv -> add -> relu
//   dgrad    dx = (mask > 0) * conv^T(dy, w)    dgrad -> relu backward
//   wgrad    dw = x correlated with dy          wgrad
//
// Between the operations values are virtual and fp32. Sums are fp32 in every math mode; whether an
// engine rounds fp32 operands to tf32 is said by its notes (engine_config.h).
#pragma once

#include <fovea/kernels/cudnn/descriptor.h>
#include <fovea/kernels/ops/conv.h>
#include <fovea/kernels/ops/layout.h>

#include <cstdint>
#include <vector>

namespace fovea::cudnn {

struct ConvSetup {
  Pass pass = Pass::forward;
  ConvProblem problem;
  Math math = Math::fp32;
  Layout layout = Layout::nhwc;
};

/// Names of the tensors of a graph, in its variant packs.
enum class Uid : std::int64_t { x = 1, w, b, y, dx, dw, dy, mask };

/// Why no graph expresses this epilogue; yes where one does.
Verdict expressible(Pass pass, const Epilogue& epilogue);

class ConvGraph {
 public:
  /// The epilogue satisfies expressible(). Throws Unsupported where cuDNN knows no such graph.
  ConvGraph(const CudnnApi& api, cudnnHandle_t handle, const ConvSetup& setup);

  const Descriptor& descriptor() const { return graph_; }

 private:
  std::vector<Descriptor> parts_;  // cuDNN's graph refers to them
  Descriptor graph_;
};

}  // namespace fovea::cudnn
