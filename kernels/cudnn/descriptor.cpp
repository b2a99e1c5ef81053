#include <fovea/kernels/cudnn/descriptor.h>

namespace fovea::cudnn {
namespace {

std::string name_of(cudnnBackendDescriptorType_t type) {
  switch (type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
      return "tensor";
    case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR:
      return "convolution";
    case CUDNN_BACKEND_POINTWISE_DESCRIPTOR:
      return "pointwise";
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
      return "convolution forward operation";
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
      return "convolution dgrad operation";
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
      return "convolution wgrad operation";
    case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
      return "pointwise operation";
    case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
      return "operation graph";
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
      return "engine heuristics";
    case CUDNN_BACKEND_ENGINE_DESCRIPTOR:
      return "engine";
    case CUDNN_BACKEND_ENGINECFG_DESCRIPTOR:
      return "engine configuration";
    case CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR:
      return "knob choice";
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
      return "execution plan";
    case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR:
      return "variant pack";
    default:
      return "descriptor of type " + std::to_string(static_cast<int>(type));
  }
}

}  // namespace

Descriptor::Descriptor(const CudnnApi& api, cudnnBackendDescriptorType_t type)
    : api_{&api}, type_{type} {
  api.check(api.create_descriptor(type, &raw_), call("cudnnBackendCreateDescriptor", -1));
}

Descriptor::~Descriptor() {
  if (raw_ != nullptr) static_cast<void>(api_->destroy_descriptor(raw_));
}

Descriptor& Descriptor::set(Name name, const std::vector<const Descriptor*>& values) {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor* d : values) raw.push_back(d->get());
  return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(raw.size()),
                 raw.data());
}

Descriptor& Descriptor::finalize() {
  api_->check(api_->finalize(raw_), call("cudnnBackendFinalize", -1));
  return *this;
}

std::vector<Descriptor> Descriptor::get_descriptors(Name name, cudnnBackendDescriptorType_t type,
                                                    std::int64_t most) const {
  std::vector<Descriptor> filled;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t i = 0; i < most; ++i) {
    filled.emplace_back(*api_, type);
    raw.push_back(filled.back().get());
  }
  std::int64_t count = 0;
  get_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &count, raw.data());
  while (static_cast<std::int64_t>(filled.size()) > count) filled.pop_back();
  return filled;
}

std::int64_t Descriptor::count_descriptors(Name name) const {
  std::int64_t count = 0;
  get_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr);
  return count;
}

Descriptor& Descriptor::set_raw(Name name, cudnnBackendAttributeType_t type, std::int64_t count,
                                const void* values) {
  const cudnnStatus_t status = api_->set_attribute(raw_, name, type, count, values);
  if (status != CUDNN_STATUS_SUCCESS) api_->check(status, call("cudnnBackendSetAttribute", name));
  return *this;
}

void Descriptor::get_raw(Name name, cudnnBackendAttributeType_t type, std::int64_t most,
                         std::int64_t* count, void* values) const {
  const cudnnStatus_t status = api_->get_attribute(raw_, name, type, most, count, values);
  if (status != CUDNN_STATUS_SUCCESS) api_->check(status, call("cudnnBackendGetAttribute", name));
}

std::string Descriptor::call(const char* function, int attribute) const {
  std::string text = std::string(function) + "(" + name_of(type_);
  if (attribute >= 0) text += ", attribute " + std::to_string(attribute);
  return text + ")";
}

}  // namespace fovea::cudnn
