#include <fovea/kernels/cpu/onednn/engine.h>
#include <fovea/kernels/cpu/onednn/onednn.h>

namespace fovea {

void add_onednn_algorithms(Registry& registry) {
  onednn::add_conv(registry);
  onednn::add_linear(registry);
  onednn::add_pool(registry);
  onednn::add_lrn(registry);
  onednn::add_pointwise(registry);
}

std::string onednn_version() {
  const dnnl_version_t* v = dnnl_version();
  return std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

}  // namespace fovea
