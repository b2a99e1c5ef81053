#include <fovea/kernels/cudnn/algorithms.h>
#include <fovea/kernels/cudnn/cudnn.h>

namespace fovea {
namespace {

template <class Load>
std::string opened(const char* name, const Load& load, bool& works) {
  try {
    const auto api = load();
    return std::string(name) + " " + api.version() + " (" + api.file + ")";
  } catch (const Error& e) {
    works = false;
    return e.what();
  }
}

}  // namespace

void add_cudnn_algorithms(Registry& registry, Registry* on_nchw) {
  const auto engine = std::make_shared<cudnn::Engine>();
  cudnn::add_conv(registry, engine);
  cudnn::add_linear(registry, engine);
  cudnn::add_pool(registry, engine);
  cudnn::add_lrn(registry, engine);
  cudnn::add_softmax(registry, engine);
  if (on_nchw != nullptr) cudnn::add_conv(*on_nchw, engine, Layout::nchw);
}

CudnnStatus cudnn_status() {
  CudnnStatus s{.works = true, .text = {}};
  s.text = opened("cuDNN", cudnn::load_cudnn, s.works);
  s.text += ", " + opened("cuBLASLt", cudnn::load_cublaslt, s.works);
  return s;
}

}  // namespace fovea
