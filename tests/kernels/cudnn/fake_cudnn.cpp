#include <fovea/tests/kernels/cudnn/fake_cudnn.h>

#include <cstdio>

namespace fovea::test {

FakeCudnn& fake_cudnn() {
  static FakeCudnn f;
  return f;
}

namespace fake {
namespace {

std::string last_words;

std::size_t get_version() { return CUDNN_VERSION; }
const char* get_error_string(cudnnStatus_t status) {
  return status == CUDNN_STATUS_NOT_SUPPORTED ? "CUDNN_STATUS_NOT_SUPPORTED"
         : status == CUDNN_STATUS_BAD_PARAM   ? "CUDNN_STATUS_BAD_PARAM"
                                              : "CUDNN_STATUS_INTERNAL_ERROR";
}
void get_last_error_string(char* message, std::size_t size) {
  std::snprintf(message, size, "%s", last_words.c_str());
}

cudnnStatus_t create(cudnnHandle_t* handle) {
  const cudnnStatus_t status = outcome("cudnnCreate");
  if (status != CUDNN_STATUS_SUCCESS) return status;
  *handle = reinterpret_cast<cudnnHandle_t>(&fake_cudnn());
  ++fake_cudnn().handles;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t destroy(cudnnHandle_t) {
  --fake_cudnn().handles;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t set_stream(cudnnHandle_t, cudaStream_t) { return outcome("cudnnSetStream"); }

}  // namespace

cudnnStatus_t outcome(const char* function, std::optional<int> type) {
  const std::optional<FakeFailure>& f = fake_cudnn().failure;
  if (!f || f->function != function || (f->type && f->type != type)) return CUDNN_STATUS_SUCCESS;
  last_words = f->words;
  return f->status;
}

cudnnStatus_t complain(const std::string& what) {
  fake_cudnn().complaints.push_back(what);
  last_words = what;
  return CUDNN_STATUS_BAD_PARAM;
}

}  // namespace fake

cudnn::CudnnApi fake_cudnn_api() {
  ++fake_cudnn().opened;
  cudnn::CudnnApi api;
  api.file = "the fake";
  api.get_version = fake::get_version;
  api.get_error_string = fake::get_error_string;
  api.get_last_error_string = fake::get_last_error_string;
  api.create = fake::create;
  api.destroy = fake::destroy;
  api.set_stream = fake::set_stream;
  fake::add_graph_functions(api);
  fake::add_ops_functions(api);
  return api;
}

}  // namespace fovea::test
