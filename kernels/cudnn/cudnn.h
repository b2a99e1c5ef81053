// cudnn.h - engine `cudnn`: NVIDIA's cuDNN and cuBLASLt behind the lists of kernels/ops, on cuda.
// docs/kernels/cudnn.md says which of their parts was chosen for what.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/registry.h>

#include <string>

namespace fovea {

/// Appends the algorithms of engine `cudnn`. Opens nothing: the libraries are opened when the first
/// algorithm is asked whether it can run something, and where that fails, it declines with the
/// reason. FOVEA_CUDNN and FOVEA_CUBLASLT name other files. `on_nchw`, where given, gets the
/// convolutions that take and leave tensors in NCHW and KCRS: its caller converts.
FOVEA_API void add_cudnn_algorithms(Registry& registry, Registry* on_nchw = nullptr);

/// Whether the libraries can be opened, and which they are or what to do about it.
struct CudnnStatus {
  bool works = false;
  std::string text;  // "cuDNN 9.19.0 (libcudnn.so.9), cuBLASLt 13.1.0 (libcublasLt.so.13)"
};
/// Opens both libraries.
FOVEA_API CudnnStatus cudnn_status();

}  // namespace fovea
