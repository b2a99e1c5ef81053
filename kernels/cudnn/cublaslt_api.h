// cublaslt_api.h - cuBLASLt as a table of functions, filled when first used, like cudnn_api.h.
#pragma once

#include <cublasLt.h>

#include <string>

namespace fovea::cudnn {

struct CublasLtApi {
  std::string file;  // where it came from

  decltype(&cublasLtGetVersion) get_version = nullptr;
  decltype(&cublasLtGetStatusString) get_status_string = nullptr;
  decltype(&cublasLtCreate) create = nullptr;
  decltype(&cublasLtDestroy) destroy = nullptr;
  decltype(&cublasLtMatrixLayoutCreate) create_layout = nullptr;
  decltype(&cublasLtMatrixLayoutDestroy) destroy_layout = nullptr;
  decltype(&cublasLtMatmulDescCreate) create_matmul = nullptr;
  decltype(&cublasLtMatmulDescDestroy) destroy_matmul = nullptr;
  decltype(&cublasLtMatmulDescSetAttribute) set_matmul = nullptr;
  decltype(&cublasLtMatmulPreferenceCreate) create_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceDestroy) destroy_preference = nullptr;
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference = nullptr;
  decltype(&cublasLtMatmulAlgoGetHeuristic) get_heuristic = nullptr;
  decltype(&cublasLtMatmulAlgoInit) init_algo = nullptr;
  decltype(&cublasLtMatmulAlgoCheck) check_algo = nullptr;
  decltype(&cublasLtMatmulAlgoConfigGetAttribute) get_algo = nullptr;
  decltype(&cublasLtMatmulAlgoConfigSetAttribute) set_algo = nullptr;
  decltype(&cublasLtMatmul) matmul = nullptr;

  /// Throws for a status other than success, Unsupported where cuBLASLt says that it has no
  /// implementation and DeviceError else: `call` and the status.
  void check(cublasStatus_t status, const std::string& call) const;
  /// "13.1.0"
  std::string version() const;
};

/// Opens libcublasLt. Throws Unsupported, with what to do, where it is not found or another major
/// version than this build's headers.
CublasLtApi load_cublaslt();

}  // namespace fovea::cudnn
