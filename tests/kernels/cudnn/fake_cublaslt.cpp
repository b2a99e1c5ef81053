#include <fovea/core/dtype.h>
#include <fovea/tests/kernels/cudnn/fake_cublaslt.h>

#include <algorithm>
#include <cstring>

namespace fovea::test {
namespace {

struct Layout {
  cudaDataType_t type{};
  std::int64_t rows = 0, columns = 0, step = 0;  // column major
  std::size_t at(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(column * step + row);
  }
  double get(const void* data, std::int64_t row, std::int64_t column) const {
    if (type == CUDA_R_16BF) return to_float(static_cast<const bf16*>(data)[at(row, column)]);
    return static_cast<const float*>(data)[at(row, column)];
  }
  void set(void* data, std::int64_t row, std::int64_t column, double value) const {
    if (type == CUDA_R_16BF) {
      static_cast<bf16*>(data)[at(row, column)] = to_bf16(static_cast<float>(value));
    } else {
      static_cast<float*>(data)[at(row, column)] = static_cast<float>(value);
    }
  }
};

struct Operation {
  std::map<int, std::vector<std::byte>> attributes;
  template <class T>
  T get(cublasLtMatmulDescAttributes_t name, T fallback) const {
    if (const auto found = attributes.find(name); found != attributes.end()) {
      std::memcpy(&fallback, found->second.data(), sizeof(T));
    }
    return fallback;
  }
};

struct Preference {
  std::uint64_t workspace = 0;
  std::uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
};

cublasStatus_t outcome(const char* function) {
  return fake_cublaslt().fails == function ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t complain(const std::string& what) {
  fake_cublaslt().complaints.push_back(what);
  return CUBLAS_STATUS_INVALID_VALUE;
}

template <class T, class Raw>
cublasStatus_t destroy(Raw raw) {
  --fake_cublaslt().objects;
  delete reinterpret_cast<T*>(raw);
  return CUBLAS_STATUS_SUCCESS;
}
template <class Raw, class T>
cublasStatus_t give(Raw* raw, T value) {
  ++fake_cublaslt().objects;
  *raw = reinterpret_cast<Raw>(new T(std::move(value)));
  return CUBLAS_STATUS_SUCCESS;
}

std::size_t get_version() { return CUBLAS_VERSION; }
const char* get_status_string(cublasStatus_t) { return "the fake's words"; }

cublasStatus_t create(cublasLtHandle_t* handle) {
  const cublasStatus_t status = outcome("cublasLtCreate");
  return status == CUBLAS_STATUS_SUCCESS ? give(handle, 0) : status;
}

cublasStatus_t create_layout(cublasLtMatrixLayout_t* raw, cudaDataType type, std::uint64_t rows,
                             std::uint64_t columns, std::int64_t step) {
  return give(
      raw, Layout{type, static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns), step});
}

cublasStatus_t create_matmul(cublasLtMatmulDesc_t* raw, cublasComputeType_t compute,
                             cudaDataType_t) {
  const cublasStatus_t status = outcome("cublasLtMatmulDescCreate");
  fake_cublaslt().types.push_back(compute);
  return status == CUBLAS_STATUS_SUCCESS ? give(raw, Operation{}) : status;
}
cublasStatus_t set_matmul(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t name,
                          const void* value, std::size_t bytes) {
  const auto* from = static_cast<const std::byte*>(value);
  reinterpret_cast<Operation*>(d)->attributes[name] = {from, from + bytes};
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t create_preference(cublasLtMatmulPreference_t* raw) {
  return give(raw, Preference{});
}
cublasStatus_t set_preference(cublasLtMatmulPreference_t d,
                              cublasLtMatmulPreferenceAttributes_t name, const void* value,
                              std::size_t bytes) {
  if (name == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) {
    std::memcpy(&reinterpret_cast<Preference*>(d)->workspace, value, bytes);
  } else if (name == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) {
    std::memcpy(&reinterpret_cast<Preference*>(d)->reductions, value, bytes);
  } else {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  return CUBLAS_STATUS_SUCCESS;
}

// An algorithm's attributes lie in its opaque words, by number.
std::uint64_t& word(cublasLtMatmulAlgo_t& algo, int attribute) {
  return algo.data[static_cast<std::size_t>(attribute) % 8];
}
// Inner shape and cluster, the two of 16 bits, share the words of 3 and 4 above 32 bits.
constexpr int kWords = 7;

void write(cublasLtMatmulAlgo_t& algo, int attribute, std::uint32_t value) {
  if (attribute < kWords) {
    word(algo, attribute) = (word(algo, attribute) & ~0xffffffffULL) | value;
  } else {
    std::uint64_t& w = word(algo, attribute - kWords);
    w = (w & 0xffffffffULL) | (std::uint64_t{value} << 32);
  }
}
std::uint32_t read(cublasLtMatmulAlgo_t algo, int attribute) {
  return static_cast<std::uint32_t>(attribute < kWords ? word(algo, attribute)
                                                       : word(algo, attribute - kWords) >> 32);
}

cublasStatus_t get_heuristic(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                             cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                             cublasLtMatmulPreference_t preference, int most,
                             cublasLtMatmulHeuristicResult_t results[], int* count) {
  const cublasStatus_t status = outcome("cublasLtMatmulAlgoGetHeuristic");
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  fake_cublaslt().workspace_limit = reinterpret_cast<Preference*>(preference)->workspace;
  fake_cublaslt().reductions = reinterpret_cast<Preference*>(preference)->reductions;
  *count = 0;
  for (const FakeCublasLt::Algo& proposal : fake_cublaslt().proposals) {
    if (*count == most) break;
    cublasLtMatmulHeuristicResult_t& r = results[(*count)++];
    r = {};
    r.state = CUBLAS_STATUS_SUCCESS;
    for (const auto& [attribute, value] : proposal) write(r.algo, attribute, value);
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t init_algo(cublasLtHandle_t, cublasComputeType_t, cudaDataType_t, cudaDataType_t,
                         cudaDataType_t, cudaDataType_t, cudaDataType_t, int id,
                         cublasLtMatmulAlgo_t* algo) {
  *algo = {};
  write(*algo, CUBLASLT_ALGO_CONFIG_ID, static_cast<std::uint32_t>(id));
  return CUBLAS_STATUS_SUCCESS;
}

std::size_t bytes_of(int attribute) { return attribute < kWords ? 4 : 2; }

cublasStatus_t get_algo(const cublasLtMatmulAlgo_t* algo, cublasLtMatmulAlgoConfigAttributes_t name,
                        void* value, std::size_t bytes, std::size_t*) {
  if (bytes != bytes_of(name)) return complain("an algorithm's attribute of another size");
  const std::uint32_t v = read(*algo, name);
  std::memcpy(value, &v, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t set_algo(cublasLtMatmulAlgo_t* algo, cublasLtMatmulAlgoConfigAttributes_t name,
                        const void* value, std::size_t bytes) {
  if (bytes != bytes_of(name)) return complain("an algorithm's attribute of another size");
  std::uint32_t v = 0;
  std::memcpy(&v, value, bytes);
  write(*algo, name, v);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t check_algo(cublasLtHandle_t, cublasLtMatmulDesc_t, cublasLtMatrixLayout_t,
                          cublasLtMatrixLayout_t, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                          const cublasLtMatmulAlgo_t*, cublasLtMatmulHeuristicResult_t* result) {
  result->workspaceSize = fake_cublaslt().workspace;
  return outcome("cublasLtMatmulAlgoCheck");
}

cublasStatus_t matmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void*, const void* a,
                      cublasLtMatrixLayout_t a_desc, const void* b, cublasLtMatrixLayout_t b_desc,
                      const void* beta, const void* c, cublasLtMatrixLayout_t, void* d,
                      cublasLtMatrixLayout_t d_desc, const cublasLtMatmulAlgo_t* algo, void*,
                      std::size_t, cudaStream_t) {
  if (const cublasStatus_t s = outcome("cublasLtMatmul"); s != CUBLAS_STATUS_SUCCESS) return s;
  const auto& op = *reinterpret_cast<Operation*>(desc);
  const auto &la = *reinterpret_cast<Layout*>(a_desc), &lb = *reinterpret_cast<Layout*>(b_desc),
             &ld = *reinterpret_cast<Layout*>(d_desc);
  const bool ta = op.get(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_N) == CUBLAS_OP_T;
  const bool tb = op.get(CUBLASLT_MATMUL_DESC_TRANSB, CUBLAS_OP_N) == CUBLAS_OP_T;
  const std::int64_t depth = ta ? la.rows : la.columns;
  if ((ta ? la.columns : la.rows) != ld.rows || (tb ? lb.rows : lb.columns) != ld.columns ||
      (tb ? lb.columns : lb.rows) != depth) {
    return complain("the matrices' sizes do not fit");
  }
  const auto epilogue = op.get(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_DEFAULT);
  auto* bias = static_cast<float*>(op.get<void*>(CUBLASLT_MATMUL_DESC_BIAS_POINTER, nullptr));
  const auto of_b = [&](std::int64_t i, std::int64_t column) {
    return tb ? lb.get(b, column, i) : lb.get(b, i, column);
  };
  for (std::int64_t column = 0; column < ld.columns; ++column) {
    for (std::int64_t row = 0; row < ld.rows; ++row) {
      double sum = *static_cast<const float*>(beta) == 0.0F ? 0.0 : ld.get(c, row, column);
      for (std::int64_t i = 0; i < depth; ++i) {
        sum += (ta ? la.get(a, i, row) : la.get(a, row, i)) * of_b(i, column);
      }
      if ((epilogue & CUBLASLT_EPILOGUE_BIAS) != 0) sum += bias[row];
      if ((epilogue & CUBLASLT_EPILOGUE_RELU) != 0) sum = std::max(sum, 0.0);
      ld.set(d, row, column, sum);
    }
    if (epilogue != CUBLASLT_EPILOGUE_BGRADB) continue;
    double sum = 0;
    for (std::int64_t i = 0; i < depth; ++i) sum += of_b(i, column);
    bias[column] = static_cast<float>(sum);
  }
  fake_cublaslt().ran.clear();
  for (int i = 0; i <= CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID; ++i) {
    fake_cublaslt().ran[i] = read(*algo, i);
  }
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

FakeCublasLt& fake_cublaslt() {
  static FakeCublasLt f;
  return f;
}

cudnn::CublasLtApi fake_cublaslt_api() {
  cudnn::CublasLtApi api;
  api.file = "the fake";
  api.get_version = get_version;
  api.get_status_string = get_status_string;
  api.create = create;
  api.destroy = destroy<int, cublasLtHandle_t>;
  api.create_layout = create_layout;
  api.destroy_layout = destroy<Layout, cublasLtMatrixLayout_t>;
  api.create_matmul = create_matmul;
  api.destroy_matmul = destroy<Operation, cublasLtMatmulDesc_t>;
  api.set_matmul = set_matmul;
  api.create_preference = create_preference;
  api.destroy_preference = destroy<Preference, cublasLtMatmulPreference_t>;
  api.set_preference = set_preference;
  api.get_heuristic = get_heuristic;
  api.init_algo = init_algo;
  api.check_algo = check_algo;
  api.get_algo = get_algo;
  api.set_algo = set_algo;
  api.matmul = matmul;
  return api;
}

}  // namespace fovea::test
