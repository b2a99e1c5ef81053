#include <fovea/core/error.h>
#include <fovea/kernels/cudnn/cudnn_api.h>
#include <fovea/kernels/cudnn/dynamic_library.h>

#include <array>

namespace fovea::cudnn {
namespace {

constexpr std::array kFiles = {"libcudnn.so.9", "libcudnn.so",
                               "/usr/local/cuda/lib64/libcudnn.so.9"};

constexpr std::size_t kOldest = 90200;  // the first that tells an engine's workspace

void find_graph_api(const DynamicLibrary& library, CudnnApi& api) {
  library.find("cudnnGetVersion", api.get_version);
  library.find("cudnnGetErrorString", api.get_error_string);
  library.find("cudnnGetLastErrorString", api.get_last_error_string);
  library.find("cudnnCreate", api.create);
  library.find("cudnnDestroy", api.destroy);
  library.find("cudnnSetStream", api.set_stream);
  library.find("cudnnBackendCreateDescriptor", api.create_descriptor);
  library.find("cudnnBackendDestroyDescriptor", api.destroy_descriptor);
  library.find("cudnnBackendFinalize", api.finalize);
  library.find("cudnnBackendSetAttribute", api.set_attribute);
  library.find("cudnnBackendGetAttribute", api.get_attribute);
  library.find("cudnnBackendExecute", api.execute);
}

void find_ops(const DynamicLibrary& library, CudnnApi& api) {
  library.find("cudnnCreateTensorDescriptor", api.create_tensor);
  library.find("cudnnDestroyTensorDescriptor", api.destroy_tensor);
  library.find("cudnnSetTensor4dDescriptor", api.set_tensor);
  library.find("cudnnCreatePoolingDescriptor", api.create_pooling);
  library.find("cudnnDestroyPoolingDescriptor", api.destroy_pooling);
  library.find("cudnnSetPooling2dDescriptor", api.set_pooling);
  library.find("cudnnPoolingForward", api.pooling_forward);
  library.find("cudnnPoolingBackward", api.pooling_backward);
  library.find("cudnnCreateLRNDescriptor", api.create_lrn);
  library.find("cudnnDestroyLRNDescriptor", api.destroy_lrn);
  library.find("cudnnSetLRNDescriptor", api.set_lrn);
  library.find("cudnnLRNCrossChannelForward", api.lrn_forward);
  library.find("cudnnLRNCrossChannelBackward", api.lrn_backward);
  library.find("cudnnSoftmaxForward", api.softmax_forward);
}

}  // namespace

void CudnnApi::check(cudnnStatus_t status, const std::string& call) const {
  if (status == CUDNN_STATUS_SUCCESS) return;
  std::array<char, 512> words{};
  get_last_error_string(words.data(), words.size());
  words.back() = 0;
  std::string message = call + ": " + get_error_string(status);
  if (words.front() != 0) message += " (" + std::string(words.data()) + ")";
  // An engine that cuDNN compiles when first used, and cannot, is one that it does not have.
  if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED ||
      status == CUDNN_STATUS_INTERNAL_ERROR_COMPILATION_FAILED) {
    throw Unsupported(message);
  }
  throw DeviceError(message);
}

std::string CudnnApi::version() const {  // 9.19.0 is 91900
  const std::size_t v = get_version();
  return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." +
         std::to_string(v % 100);
}

CudnnApi load_cudnn() {
  const LibrarySource source{.name = "cuDNN",
                             .variable = "FOVEA_CUDNN",
                             .files = kFiles,
                             .fix = "install cuDNN 9 for this CUDA"};
  const DynamicLibrary library(source);
  CudnnApi api;
  api.file = library.file();
  find_graph_api(library, api);
  if (api.get_version() / 10000 != CUDNN_MAJOR || api.get_version() < kOldest) {
    throw Unsupported("cuDNN in " + api.file + " is version " + api.version() +
                      ", this build needs " + std::to_string(CUDNN_MAJOR) + ", from 9.2.0 on; " +
                      source.fix);
  }
  find_ops(library, api);
  return api;
}

}  // namespace fovea::cudnn
