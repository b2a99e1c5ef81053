#include <fovea/core/error.h>
#include <fovea/tests/kernels/cudnn/deviceless.h>

#include <map>
#include <string_view>

namespace fovea::test {
namespace {

// What cuDNN writes of an H100 80GB HBM3 (CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION).
constexpr std::string_view kH100 =
    R"({"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"regsPerBlock":65536,)"
    R"("multiProcessorCount":132,"warpSize":32,"maxSharedMemoryPerBlock":49152,)"
    R"("maxSharedMemoryPerBlockOptin":232448,"reservedSharedMemoryPerBlock":1024,)"
    R"("maxRegistersPerSM":65536,"maxCtasPerSM":32,"maxThreadsPerBlock":1024,)"
    R"("maxThreadsPerSM":2048,"pciDeviceId":0,"isTccDriver":0,"supportCoopLaunch":1,)"
    R"("smClockRateKHz":1980000,"memClockRateKHz":2619000,"l2CacheSize":52428800,)"
    R"("deviceName":"NVIDIA H100 80GB HBM3","deviceVer":900,"driverVer":13000,"cudaDeviceId":0,)"
    R"("totalGlobalMem":85000000000,"smVersion":900})";

struct State {
  cudnn::CudnnApi real;
  cudnnBackendDescriptor_t card = nullptr;
  std::map<cudnnBackendDescriptor_t, cudnnBackendDescriptorType_t> types;
};

// C functions carry no state of their own.
State& state() {
  static State s;
  return s;
}

const cudnnHandle_t kHandle = reinterpret_cast<cudnnHandle_t>(&state);

cudnnStatus_t create(cudnnHandle_t* handle) {
  *handle = kHandle;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t destroy(cudnnHandle_t) { return CUDNN_STATUS_SUCCESS; }

cudnnStatus_t create_descriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* d) {
  const cudnnStatus_t status = state().real.create_descriptor(type, d);
  if (status == CUDNN_STATUS_SUCCESS) state().types[*d] = type;
  return status;
}
cudnnStatus_t destroy_descriptor(cudnnBackendDescriptor_t d) {
  state().types.erase(d);
  return state().real.destroy_descriptor(d);
}

cudnnStatus_t set_attribute(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                            cudnnBackendAttributeType_t type, std::int64_t count,
                            const void* values) {
  if (type == CUDNN_TYPE_HANDLE) return CUDNN_STATUS_SUCCESS;
  return state().real.set_attribute(d, name, type, count, values);
}

// Where cuDNN would ask the handle for the card, the described one is set.
cudnnStatus_t finalize(cudnnBackendDescriptor_t d) {
  const std::map<cudnnBackendDescriptorType_t, cudnnBackendAttributeName_t> card_of = {
      {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP},
      {CUDNN_BACKEND_ENGINE_DESCRIPTOR, CUDNN_ATTR_ENGINE_DEVICEPROP},
      {CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP}};
  if (const auto found = card_of.find(state().types.at(d)); found != card_of.end()) {
    const cudnnStatus_t status = state().real.set_attribute(
        d, found->second, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &state().card);
    if (status != CUDNN_STATUS_SUCCESS) return status;
  }
  return state().real.finalize(d);
}

void describe_card() {
  const cudnn::CudnnApi& real = state().real;
  real.check(real.create_descriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &state().card),
             "creating a card's description");
  const std::string text(kH100);
  real.check(
      real.set_attribute(state().card, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                         static_cast<std::int64_t>(text.size() + 1), text.c_str()),
      "setting a card's description");
  real.check(real.finalize(state().card), "finalizing a card's description");
}

}  // namespace

cudnn::CudnnApi deviceless_cudnn() {
  if (state().card == nullptr) {
    state().real = cudnn::load_cudnn();
    if (state().real.get_version() < 90800) {
      throw Unsupported("cuDNN " + state().real.version() + " answers for no described card");
    }
    describe_card();
  }
  cudnn::CudnnApi api = state().real;
  api.create = create;
  api.destroy = destroy;
  api.create_descriptor = create_descriptor;
  api.destroy_descriptor = destroy_descriptor;
  api.set_attribute = set_attribute;
  api.finalize = finalize;
  return api;
}

}  // namespace fovea::test
