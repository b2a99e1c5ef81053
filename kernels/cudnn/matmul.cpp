#include <fovea/core/error.h>
#include <fovea/kernels/cudnn/matmul.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

namespace fovea::cudnn {
namespace {

constexpr int kMostProposals = 32;
// For asking without a limit: partial sums of a split of the largest products fit many times.
constexpr std::size_t kMostWorkspace = std::size_t{1} << 30;

/// A part of a configuration: its name in a variant, its attribute and the attribute's type.
struct Field {
  std::string_view name;
  cublasLtMatmulAlgoConfigAttributes_t attribute;
  std::size_t bytes;
};
constexpr std::array<Field, MatmulConfig::kFields> kFields = {{
    {"algo", CUBLASLT_ALGO_CONFIG_ID, 4},
    {"tile", CUBLASLT_ALGO_CONFIG_TILE_ID, 4},
    {"stages", CUBLASLT_ALGO_CONFIG_STAGES_ID, 4},
    {"split", CUBLASLT_ALGO_CONFIG_SPLITK_NUM, 4},
    {"sum", CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, 4},
    {"swizzle", CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING, 4},
    {"custom", CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION, 4},
    {"inner", CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID, 2},
    {"cluster", CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID, 2},
}};

cudaDataType_t element(Math math) { return math == Math::bf16 ? CUDA_R_16BF : CUDA_R_32F; }

cublasComputeType_t compute_type(Math math) {
  return math == Math::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

MatmulConfig config_of(const CublasLtApi& api, const cublasLtMatmulAlgo_t& algo) {
  MatmulConfig c;
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    std::uint32_t value = 0;  // little endian: a short value fills its lower half
    api.check(api.get_algo(&algo, kFields[i].attribute, &value, kFields[i].bytes, nullptr),
              "cublasLtMatmulAlgoConfigGetAttribute");
    c.values[i] = static_cast<int>(value);
  }
  return c;
}

}  // namespace

Variant to_string(const MatmulConfig& c) {
  std::string text;
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    text += (i > 0 ? " " : "") + std::string(kFields[i].name) + std::to_string(c.values[i]);
  }
  return text;
}

MatmulConfig parse_matmul_config(std::string_view text) {
  MatmulConfig c;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    const std::string prefix = (i > 0 ? " " : "") + std::string(kFields[i].name);
    const bool named = std::string_view(at, static_cast<std::size_t>(end - at)).starts_with(prefix);
    const auto [after, error] = named ? std::from_chars(at + prefix.size(), end, c.values[i])
                                      : std::from_chars_result{at, std::errc::invalid_argument};
    // "split-1" leaves the split to the kernel; no other value is below 0.
    const int least = kFields[i].attribute == CUBLASLT_ALGO_CONFIG_SPLITK_NUM ? -1 : 0;
    if (error != std::errc{} || c.values[i] < least) {
      throw InvalidArgument("'" + std::string(text) +
                            "' is no algorithm of cuBLASLt; an example: '" +
                            to_string(MatmulConfig{}) + "'");
    }
    at = after;
  }
  if (at != end) {
    throw InvalidArgument("'" + std::string(text) + "' goes on after an algorithm of cuBLASLt");
  }
  return c;
}

Matmul::Matmul(std::shared_ptr<CublasLtSession> session, const MatmulSetup& setup)
    : session_{std::move(session)},
      setup_{setup},
      operation_{nullptr, session_->api().destroy_matmul},
      a_{layout(setup.a)},
      b_{layout(setup.b)},
      d_{layout(setup.d)} {
  const CublasLtApi& api = session_->api();
  cublasLtMatmulDesc_t raw = nullptr;
  api.check(api.create_matmul(&raw, compute_type(setup.math), CUDA_R_32F),
            "cublasLtMatmulDescCreate");
  operation_.reset(raw);
  const auto op = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
  const cublasOperation_t op_a = op(setup.transpose_a), op_b = op(setup.transpose_b);
  set(CUBLASLT_MATMUL_DESC_TRANSA, &op_a, sizeof(op_a));
  set(CUBLASLT_MATMUL_DESC_TRANSB, &op_b, sizeof(op_b));
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, &setup.epilogue, sizeof(setup.epilogue));
  if (setup.epilogue == CUBLASLT_EPILOGUE_DEFAULT || setup.epilogue == CUBLASLT_EPILOGUE_RELU)
    return;
  // Biases and their gradients are fp32 in every mode. cuBLASLt proposes nothing for that beside
  // results in bf16, and would not either where there is no bias but its type is set.
  const cudaDataType_t bias = CUDA_R_32F;
  set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &bias, sizeof(bias));
}

Matmul::Layout Matmul::layout(const RowMajor& m) const {
  const CublasLtApi& api = session_->api();
  cublasLtMatrixLayout_t raw = nullptr;
  api.check(api.create_layout(&raw, element(setup_.math), static_cast<std::uint64_t>(m.columns),
                              static_cast<std::uint64_t>(m.rows), m.columns),
            "cublasLtMatrixLayoutCreate");
  return Layout(raw, api.destroy_layout);
}

void Matmul::set(cublasLtMatmulDescAttributes_t name, const void* value, std::size_t bytes) {
  const CublasLtApi& api = session_->api();
  api.check(api.set_matmul(operation_.get(), name, value, bytes),
            "cublasLtMatmulDescSetAttribute(" + std::to_string(static_cast<int>(name)) + ")");
}

std::vector<MatmulConfig> Matmul::propose(std::size_t workspace) const {
  const CublasLtApi& api = session_->api();
  cublasLtMatmulPreference_t raw = nullptr;
  api.check(api.create_preference(&raw), "cublasLtMatmulPreferenceCreate");
  const Owned<cublasLtMatmulPreference_t> preference(raw, api.destroy_preference);
  const std::uint64_t bytes = std::min(workspace, kMostWorkspace);
  api.check(
      api.set_preference(raw, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof(bytes)),
      "cublasLtMatmulPreferenceSetAttribute");
  if (setup_.math == Math::bf16) {  // else parts of a split may be added as bf16
    const std::uint32_t sums = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    api.check(
        api.set_preference(raw, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &sums, sizeof(sums)),
        "cublasLtMatmulPreferenceSetAttribute");
  }
  std::vector<cublasLtMatmulHeuristicResult_t> found(kMostProposals);
  int count = 0;
  const CurrentDevice current(session_->device());
  api.check(api.get_heuristic(session_->handle(), operation_.get(), a_.get(), b_.get(), d_.get(),
                              d_.get(), raw, kMostProposals, found.data(), &count),
            "cublasLtMatmulAlgoGetHeuristic");
  std::vector<MatmulConfig> configs;
  for (int i = 0; i < count; ++i) {
    const cublasLtMatmulHeuristicResult_t& f = found[static_cast<std::size_t>(i)];
    if (f.state == CUBLAS_STATUS_SUCCESS) configs.push_back(config_of(api, f.algo));
  }
  if (configs.empty()) throw Unsupported("cuBLASLt has no algorithm for it");
  return configs;
}

void Matmul::choose(const MatmulConfig& config) {
  const CublasLtApi& api = session_->api();
  const cudaDataType_t t = element(setup_.math);
  const CurrentDevice current(session_->device());
  api.check(api.init_algo(session_->handle(), compute_type(setup_.math), CUDA_R_32F, t, t, t, t,
                          config.values[0], &algo_),
            "cublasLtMatmulAlgoInit(" + std::to_string(config.values[0]) + ")");
  for (std::size_t i = 1; i < kFields.size(); ++i) {
    const auto value = static_cast<std::uint32_t>(config.values[i]);
    api.check(api.set_algo(&algo_, kFields[i].attribute, &value, kFields[i].bytes),
              "cublasLtMatmulAlgoConfigSetAttribute(" + std::string(kFields[i].name) + ")");
  }
  cublasLtMatmulHeuristicResult_t result{};
  api.check(api.check_algo(session_->handle(), operation_.get(), a_.get(), b_.get(), d_.get(),
                           d_.get(), &algo_, &result),
            "cublasLtMatmulAlgoCheck");
  workspace_bytes_ = result.workspaceSize;
}

void Matmul::bind_bias(void* bias) { set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias, sizeof(bias)); }

void Matmul::run(const void* a, const void* b, void* d, void* workspace, void* stream) const {
  const CublasLtApi& api = session_->api();
  const float one = 1.0F, beta = setup_.accumulate ? 1.0F : 0.0F;
  const CurrentDevice current(session_->device());
  api.check(api.matmul(session_->handle(), operation_.get(), &one, a, a_.get(), b, b_.get(), &beta,
                       d, d_.get(), d, d_.get(), &algo_, workspace, workspace_bytes_,
                       static_cast<cudaStream_t>(stream)),
            "cublasLtMatmul");
}

}  // namespace fovea::cudnn
