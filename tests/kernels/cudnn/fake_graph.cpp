// fake_graph.cpp - the functions of the fake graph API.
#include <fovea/tests/kernels/cudnn/fake_descriptor.h>

#include <algorithm>

namespace fovea::test::fake {
namespace {

using Name = cudnnBackendAttributeName_t;

FakeDescriptor* of(cudnnBackendDescriptor_t d) { return static_cast<FakeDescriptor*>(d); }

// What must be set before each kind is finalized.
const std::map<cudnnBackendDescriptorType_t, std::vector<Name>>& required() {
  static const std::map<cudnnBackendDescriptorType_t, std::vector<Name>> names = {
      {CUDNN_BACKEND_TENSOR_DESCRIPTOR,
       {CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_ATTR_TENSOR_STRIDES,
        CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT}},
      {CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR,
       {CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_ATTR_CONVOLUTION_COMP_TYPE,
        CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS,
        CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES,
        CUDNN_ATTR_CONVOLUTION_DILATIONS}},
      {CUDNN_BACKEND_POINTWISE_DESCRIPTOR,
       {CUDNN_ATTR_POINTWISE_MODE, CUDNN_ATTR_POINTWISE_MATH_PREC}},
      {CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, {CUDNN_ATTR_OPERATIONGRAPH_OPS}},
      {CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR,
       {CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_ATTR_ENGINEHEUR_MODE}},
      {CUDNN_BACKEND_ENGINE_DESCRIPTOR,
       {CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_ATTR_ENGINE_GLOBAL_INDEX}},
      {CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR,
       {CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE}},
      {CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, {CUDNN_ATTR_ENGINECFG_ENGINE}},
      {CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR,
       {CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG}},
      {CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR,
       {CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS}}};
  return names;
}

cudnnStatus_t create(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* d) {
  const cudnnStatus_t status = outcome("cudnnBackendCreateDescriptor", type);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  ++fake_cudnn().descriptors;
  auto* descriptor = new FakeDescriptor();
  descriptor->type = type;
  *d = descriptor;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t destroy(cudnnBackendDescriptor_t d) {
  --fake_cudnn().descriptors;
  delete of(d);
  return CUDNN_STATUS_SUCCESS;
}

std::size_t bytes_of(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_BOOLEAN:
      return sizeof(bool);
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
      return 8;
    default:
      return 4;  // floats and enumerations
  }
}

cudnnStatus_t set(cudnnBackendDescriptor_t d, Name name, cudnnBackendAttributeType_t type,
                  std::int64_t count, const void* values) {
  const cudnnStatus_t status = outcome("cudnnBackendSetAttribute", of(d)->type);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (of(d)->finalized) return complain("an attribute set after finalize");
  const auto* bytes = static_cast<const std::byte*>(values);
  const std::size_t size = static_cast<std::size_t>(count) * bytes_of(type);
  of(d)->attributes[name] = {type, count, std::vector<std::byte>(bytes, bytes + size)};
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    for (const FakeDescriptor* child : of(d)->all<const FakeDescriptor*>(name)) {
      if (!child->finalized) return complain("a descriptor used before finalize");
    }
  }
  return CUDNN_STATUS_SUCCESS;
}

// An engine is known by its number: its notes and workspace are those of the proposals.
FakeEngine known(std::int64_t engine) {
  for (const auto& [mode, proposed] : fake_cudnn().proposals) {
    for (const FakeEngine& e : proposed) {
      if (e.engine == engine) return e;
    }
  }
  return {.engine = -1};
}

cudnnStatus_t finalize(cudnnBackendDescriptor_t d) {
  FakeDescriptor& self = *of(d);
  const cudnnStatus_t status = outcome("cudnnBackendFinalize", self.type);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (const auto names = required().find(self.type); names != required().end()) {
    for (const Name name : names->second) {
      if (!self.has(name)) return complain("attribute " + std::to_string(name) + " is missing");
    }
  }
  if (self.type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR) ++fake_cudnn().questions;
  if (self.type == CUDNN_BACKEND_ENGINE_DESCRIPTOR) {
    self.engine = known(self.one<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX));
    if (self.engine.engine < 0) return CUDNN_STATUS_NOT_SUPPORTED;
  }
  if (self.type == CUDNN_BACKEND_ENGINECFG_DESCRIPTOR) {
    self.engine = self.child(CUDNN_ATTR_ENGINECFG_ENGINE).engine;
    self.engine.knobs.clear();
    for (const FakeDescriptor* k :
         self.all<const FakeDescriptor*>(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES)) {
      self.engine.knobs.emplace_back(k->one<int>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE),
                                     k->one<std::int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
    }
  }
  if (self.type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
    self.engine = self.child(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG).engine;
  }
  self.finalized = true;
  return CUDNN_STATUS_SUCCESS;
}

template <class T>
cudnnStatus_t answer(const std::vector<T>& values, std::int64_t most, std::int64_t* count,
                     void* out) {
  *count = static_cast<std::int64_t>(values.size());
  const std::size_t given = std::min(values.size(), static_cast<std::size_t>(most));
  if (given > 0) std::memcpy(out, values.data(), given * sizeof(T));
  return CUDNN_STATUS_SUCCESS;
}

// Descriptors are not handed out: those that the caller made are filled.
template <class Fill>
cudnnStatus_t fill(std::size_t available, std::int64_t most, std::int64_t* count, void* out,
                   const Fill& f) {
  *count = static_cast<std::int64_t>(available);
  auto** descriptors = static_cast<cudnnBackendDescriptor_t*>(out);
  for (std::size_t i = 0; i < std::min(available, static_cast<std::size_t>(most)); ++i) {
    f(*of(descriptors[i]), i);
    of(descriptors[i])->finalized = true;
  }
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t get(cudnnBackendDescriptor_t d, Name name, cudnnBackendAttributeType_t,
                  std::int64_t most, std::int64_t* count, void* out) {
  const FakeDescriptor& self = *of(d);
  const cudnnStatus_t status = outcome("cudnnBackendGetAttribute", self.type);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (!self.finalized) return complain("an attribute read before finalize");
  switch (name) {
    case CUDNN_ATTR_ENGINEHEUR_RESULTS: {
      const auto& e =
          fake_cudnn().proposals[self.one<cudnnBackendHeurMode_t>(CUDNN_ATTR_ENGINEHEUR_MODE)];
      return fill(e.size(), most, count, out,
                  [&](FakeDescriptor& to, std::size_t i) { to.engine = e[i]; });
    }
    case CUDNN_ATTR_ENGINECFG_ENGINE:
      return fill(1, most, count, out,
                  [&](FakeDescriptor& to, std::size_t) { to.engine = self.engine; });
    case CUDNN_ATTR_ENGINECFG_KNOB_CHOICES:
      return fill(self.engine.knobs.size(), most, count, out,
                  [&](FakeDescriptor& to, std::size_t i) { to.knob = self.engine.knobs[i]; });
    case CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE:
    case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
      return answer(std::vector{self.engine.workspace}, most, count, out);
    case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
      return answer(std::vector{self.engine.engine}, most, count, out);
    case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
      return answer(self.engine.notes, most, count, out);
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE:
      return answer(std::vector{self.knob.first}, most, count, out);
    case CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE:
      return answer(std::vector{self.knob.second}, most, count, out);
    default:
      return complain("attribute " + std::to_string(name) + " is not the fake's");
  }
}

cudnnStatus_t execute(cudnnHandle_t, cudnnBackendDescriptor_t plan, cudnnBackendDescriptor_t pack) {
  const cudnnStatus_t status = outcome("cudnnBackendExecute");
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (!of(plan)->finalized || !of(pack)->finalized) return complain("executed before finalize");
  fake_cudnn().ran = of(plan)->engine;
  ++fake_cudnn().executions;
  const FakeDescriptor& graph = of(plan)
                                    ->child(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG)
                                    .child(CUDNN_ATTR_ENGINECFG_ENGINE)
                                    .child(CUDNN_ATTR_ENGINE_OPERATION_GRAPH);
  return compute(graph, of(pack)->all<std::int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS),
                 of(pack)->all<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS));
}

}  // namespace

void add_graph_functions(cudnn::CudnnApi& api) {
  api.create_descriptor = create;
  api.destroy_descriptor = destroy;
  api.set_attribute = set;
  api.finalize = finalize;
  api.get_attribute = get;
  api.execute = execute;
}

}  // namespace fovea::test::fake
