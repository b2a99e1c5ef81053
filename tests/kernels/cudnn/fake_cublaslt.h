// fake_cublaslt.h - a cuBLASLt of tests: keeps descriptors, proposes the algorithms that a test
// sets, and multiplies column-major matrices on the host. One at a time.
#pragma once

#include <fovea/kernels/cudnn/cublaslt_api.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fovea::test {

struct FakeCublasLt {
  using Algo = std::map<int, std::uint32_t>;  // attributes, by cuBLASLt's number

  std::vector<Algo> proposals = {{{CUBLASLT_ALGO_CONFIG_ID, 1}}};
  std::size_t workspace = 0;  // that an algorithm asks for
  std::string fails;          // the function that answers CUBLAS_STATUS_NOT_SUPPORTED

  int objects = 0;                         // alive
  std::uint64_t workspace_limit = 0;       // of the last question
  std::uint32_t reductions = 0;            // that it allowed
  std::vector<cublasComputeType_t> types;  // of the products that were described
  Algo ran;                                // of the last product
  std::vector<std::string> complaints;     // misuse
};

/// The state of the fake; `fake_cublaslt() = {}` starts afresh.
FakeCublasLt& fake_cublaslt();
/// Its functions.
cudnn::CublasLtApi fake_cublaslt_api();

}  // namespace fovea::test
