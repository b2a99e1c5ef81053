#include <fovea/kernels/cudnn/session.h>

namespace fovea::cudnn {

CudnnSession::CudnnSession(const CudnnApi& api, int device) : api_{api}, device_{device} {
  const CurrentDevice current(device);
  api_.check(api_.create(&handle_), "cudnnCreate on cuda:" + std::to_string(device));
}

CudnnSession::~CudnnSession() {
  const CurrentDevice current(device_);
  if (handle_ != nullptr) static_cast<void>(api_.destroy(handle_));
}

CublasLtSession::CublasLtSession(const CublasLtApi& api, int device) : api_{api}, device_{device} {
  const CurrentDevice current(device);
  api_.check(api_.create(&handle_), "cublasLtCreate on cuda:" + std::to_string(device));
}

CublasLtSession::~CublasLtSession() {
  const CurrentDevice current(device_);
  if (handle_ != nullptr) static_cast<void>(api_.destroy(handle_));
}

}  // namespace fovea::cudnn
