// cudnn_api.h - cuDNN as a table of functions, filled when first used: nothing links libcudnn, and
// a test hands in its own. Functions keep the names of cuDNN without the prefix.
#pragma once

#include <cudnn.h>

#include <functional>
#include <memory>
#include <string>

namespace fovea::cudnn {

struct CudnnApi {
  std::string file;  // where it came from

  decltype(&cudnnGetVersion) get_version = nullptr;
  decltype(&cudnnGetErrorString) get_error_string = nullptr;
  decltype(&cudnnGetLastErrorString) get_last_error_string = nullptr;
  decltype(&cudnnCreate) create = nullptr;
  decltype(&cudnnDestroy) destroy = nullptr;
  decltype(&cudnnSetStream) set_stream = nullptr;

  // The graph API.
  decltype(&cudnnBackendCreateDescriptor) create_descriptor = nullptr;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor = nullptr;
  decltype(&cudnnBackendFinalize) finalize = nullptr;
  decltype(&cudnnBackendSetAttribute) set_attribute = nullptr;
  decltype(&cudnnBackendGetAttribute) get_attribute = nullptr;
  decltype(&cudnnBackendExecute) execute = nullptr;

  // The ops library.
  decltype(&cudnnCreateTensorDescriptor) create_tensor = nullptr;
  decltype(&cudnnDestroyTensorDescriptor) destroy_tensor = nullptr;
  decltype(&cudnnSetTensor4dDescriptor) set_tensor = nullptr;
  decltype(&cudnnCreatePoolingDescriptor) create_pooling = nullptr;
  decltype(&cudnnDestroyPoolingDescriptor) destroy_pooling = nullptr;
  decltype(&cudnnSetPooling2dDescriptor) set_pooling = nullptr;
  decltype(&cudnnPoolingForward) pooling_forward = nullptr;
  decltype(&cudnnPoolingBackward) pooling_backward = nullptr;
  decltype(&cudnnCreateLRNDescriptor) create_lrn = nullptr;
  decltype(&cudnnDestroyLRNDescriptor) destroy_lrn = nullptr;
  decltype(&cudnnSetLRNDescriptor) set_lrn = nullptr;
  decltype(&cudnnLRNCrossChannelForward) lrn_forward = nullptr;
  decltype(&cudnnLRNCrossChannelBackward) lrn_backward = nullptr;
  decltype(&cudnnSoftmaxForward) softmax_forward = nullptr;

  /// Throws for a status other than success, Unsupported where cuDNN says that it has no
  /// implementation and DeviceError else: `call`, the status, cuDNN's own words.
  void check(cudnnStatus_t status, const std::string& call) const;
  /// "9.19.0"
  std::string version() const;
};

/// Opens libcudnn. Throws Unsupported, with what to do, where it is not found or not version 9.
CudnnApi load_cudnn();

}  // namespace fovea::cudnn
