#include <fovea/core/error.h>
#include <fovea/kernels/cudnn/cublaslt_api.h>
#include <fovea/kernels/cudnn/dynamic_library.h>

#include <array>

namespace fovea::cudnn {

void CublasLtApi::check(cublasStatus_t status, const std::string& call) const {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const std::string message = call + ": " + get_status_string(status);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_ARCH_MISMATCH) {
    throw Unsupported(message);
  }
  throw DeviceError(message);
}

std::string CublasLtApi::version() const {  // 13.1.0 is 130100
  const std::size_t v = get_version();
  return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." +
         std::to_string(v % 100);
}

CublasLtApi load_cublaslt() {
  const std::string major = std::to_string(CUBLAS_VER_MAJOR);
  const std::string versioned = "libcublasLt.so." + major;
  const std::string usual = "/usr/local/cuda/lib64/" + versioned;
  const std::array files = {versioned.c_str(), usual.c_str()};
  const LibrarySource source{.name = "cuBLASLt",
                             .variable = "FOVEA_CUBLASLT",
                             .files = files,
                             .fix = "install cuBLAS " + major};
  const DynamicLibrary library(source);
  CublasLtApi api;
  api.file = library.file();
  library.find("cublasLtGetVersion", api.get_version);
  if (api.get_version() / 10000 != CUBLAS_VER_MAJOR) {
    throw Unsupported("cuBLASLt in " + api.file + " is version " + api.version() +
                      ", this build needs " + major + "; " + source.fix);
  }
  library.find("cublasLtGetStatusString", api.get_status_string);
  library.find("cublasLtCreate", api.create);
  library.find("cublasLtDestroy", api.destroy);
  library.find("cublasLtMatrixLayoutCreate", api.create_layout);
  library.find("cublasLtMatrixLayoutDestroy", api.destroy_layout);
  library.find("cublasLtMatmulDescCreate", api.create_matmul);
  library.find("cublasLtMatmulDescDestroy", api.destroy_matmul);
  library.find("cublasLtMatmulDescSetAttribute", api.set_matmul);
  library.find("cublasLtMatmulPreferenceCreate", api.create_preference);
  library.find("cublasLtMatmulPreferenceDestroy", api.destroy_preference);
  library.find("cublasLtMatmulPreferenceSetAttribute", api.set_preference);
  library.find("cublasLtMatmulAlgoGetHeuristic", api.get_heuristic);
  library.find("cublasLtMatmulAlgoInit", api.init_algo);
  library.find("cublasLtMatmulAlgoCheck", api.check_algo);
  library.find("cublasLtMatmulAlgoConfigGetAttribute", api.get_algo);
  library.find("cublasLtMatmulAlgoConfigSetAttribute", api.set_algo);
  library.find("cublasLtMatmul", api.matmul);
  return api;
}

}  // namespace fovea::cudnn
