// matmul.h - cuBLASLt's product of matrices with its descriptors, and its algorithms as variants:
// "algo66 tile20 stages36 split2 sum1 swizzle0 custom3 inner0 cluster2", numbers of cuBLASLt's
// enumerations.
//
// cuBLASLt's matrices are column major: a row-major [rows, columns] is a matrix of `columns` rows.
#pragma once

#include <fovea/kernels/cudnn/session.h>
#include <fovea/kernels/ops/algorithm.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace fovea::cudnn {

/// A row-major matrix in memory.
struct RowMajor {
  int rows = 0, columns = 0;
};

/// d = op(a) op(b) (+ d), epilogue applied, all in cuBLASLt's (column-major) sense.
struct MatmulSetup {
  RowMajor a, b, d;
  bool transpose_a = false, transpose_b = false;
  bool accumulate = false;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  Math math = Math::fp32;
};

/// One of cuBLASLt's algorithms, configured: what a variant says.
struct MatmulConfig {
  static constexpr std::size_t kFields = 9;
  std::array<int, kFields> values{};  // in the order of the text
  friend bool operator==(const MatmulConfig&, const MatmulConfig&) = default;
};
Variant to_string(const MatmulConfig& c);
/// The inverse. Throws InvalidArgument.
MatmulConfig parse_matmul_config(std::string_view text);

class Matmul {
 public:
  /// Throws Unsupported where cuBLASLt knows no such product.
  Matmul(std::shared_ptr<CublasLtSession> session, const MatmulSetup& setup);

  /// What cuBLASLt's heuristics propose within the workspace, best guess first; never empty. Throws
  /// Unsupported where they know nothing.
  std::vector<MatmulConfig> propose(std::size_t workspace) const;

  /// Chooses the algorithm of run(). Throws Unsupported where it cannot run here.
  void choose(const MatmulConfig& config);
  std::size_t workspace_bytes() const { return workspace_bytes_; }

  /// The epilogue's vector: a bias to add, or where a bias gradient goes.
  void bind_bias(void* bias);
  void run(const void* a, const void* b, void* d, void* workspace, void* stream) const;

 private:
  template <class T>
  using Owned = std::unique_ptr<std::remove_pointer_t<T>, cublasStatus_t (*)(T)>;
  using Layout = Owned<cublasLtMatrixLayout_t>;

  Layout layout(const RowMajor& m) const;
  void set(cublasLtMatmulDescAttributes_t name, const void* value, std::size_t bytes);

  std::shared_ptr<CublasLtSession> session_;
  MatmulSetup setup_;
  Owned<cublasLtMatmulDesc_t> operation_;
  Layout a_, b_, d_;
  cublasLtMatmulAlgo_t algo_{};
  std::size_t workspace_bytes_ = 0;
};

}  // namespace fovea::cudnn
