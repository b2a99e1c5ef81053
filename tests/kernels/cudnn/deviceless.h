// deviceless.h - the real cuDNN asked about a card that is not there: its heuristics and the
// building of plans take a described card in place of a handle
// (CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, since cuDNN 9.8), so that graphs are checked without a GPU.
#pragma once

#include <fovea/kernels/cudnn/cudnn_api.h>

#include <string>

namespace fovea::test {

/// cuDNN for a described H100. Its handle is good for graphs, heuristics and plans, not for
/// execution. One at a time. Throws Unsupported where cuDNN is not here or too old for it.
cudnn::CudnnApi deviceless_cudnn();

}  // namespace fovea::test
