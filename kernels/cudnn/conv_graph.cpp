#include <fovea/kernels/cudnn/conv_graph.h>

#include <array>
#include <utility>

namespace fovea::cudnn {
namespace {

// What plans and tests guarantee for every tensor: vector loads of 16 bytes.
constexpr std::int64_t kAlignment = 16;

/// Adds descriptors to a graph's parts and remembers which are operations, in order.
class Builder {
 public:
  Builder(const CudnnApi& api, const ConvSetup& setup, std::vector<Descriptor>& parts)
      : api_{api}, setup_{setup}, parts_{parts} {
    parts_.reserve(kMostParts);  // operations keep pointers to the parts before them
  }

  const std::vector<const Descriptor*>& operations() const { return operations_; }

  void forward();
  void dgrad();
  void wgrad();

 private:
  static constexpr std::size_t kMostParts = 16;
  using Extents = std::array<std::int64_t, 4>;  // n c h w, whatever the layout

  const Descriptor& keep(Descriptor d) {
    d.finalize();
    parts_.push_back(std::move(d));
    return parts_.back();
  }
  const Descriptor& operation(Descriptor d) {
    operations_.push_back(&keep(std::move(d)));
    return *operations_.back();
  }

  cudnnDataType_t element() const {
    return setup_.math == Math::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
  }
  Extents x_extents() const { return {p().n, p().c, p().h, p().w}; }
  Extents w_extents() const { return {p().k, p().c_per_group(), p().r, p().s}; }
  Extents y_extents() const { return {p().n, p().k, p().p(), p().q()}; }
  const ConvProblem& p() const { return setup_.problem; }

  std::vector<std::int64_t> strides(const Extents& e) const {
    if (setup_.layout == Layout::nchw) return {e[1] * e[2] * e[3], e[2] * e[3], e[3], 1};
    return {e[1] * e[2] * e[3], 1, e[1] * e[3], e[1]};
  }
  const Descriptor& tensor(std::int64_t uid, const Extents& extents, cudnnDataType_t type,
                           bool is_virtual);
  const Descriptor& tensor(Uid uid, const Extents& extents) {
    return tensor(static_cast<std::int64_t>(uid), extents, element(), false);
  }
  /// A value between operations.
  const Descriptor& between(const Extents& extents) {
    return tensor(next_virtual_++, extents, CUDNN_DATA_FLOAT, true);
  }
  const Descriptor& convolution();
  const Descriptor& pointwise(cudnnPointwiseMode_t mode);

  const CudnnApi& api_;
  const ConvSetup& setup_;
  std::vector<Descriptor>& parts_;
  std::vector<const Descriptor*> operations_;
  std::int64_t next_virtual_ = 100;
};

const Descriptor& Builder::tensor(std::int64_t uid, const Extents& extents, cudnnDataType_t type,
                                  bool is_virtual) {
  Descriptor t(api_, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  t.set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::vector(extents.begin(), extents.end()))
      .set(CUDNN_ATTR_TENSOR_STRIDES, strides(extents))
      .set(CUDNN_ATTR_TENSOR_UNIQUE_ID, uid)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, kAlignment)
      .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, is_virtual);
  return keep(std::move(t));
}

const Descriptor& Builder::convolution() {
  Descriptor c(api_, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  c.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS,
           std::vector<std::int64_t>{p().ph.begin, p().pw.begin})
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, std::vector<std::int64_t>{p().ph.end, p().pw.end})
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, std::vector<std::int64_t>{p().u, p().v})
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, std::vector<std::int64_t>{p().dh, p().dw});
  return keep(std::move(c));
}

const Descriptor& Builder::pointwise(cudnnPointwiseMode_t mode) {
  Descriptor d(api_, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  d.set(CUDNN_ATTR_POINTWISE_MODE, mode).set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  return keep(std::move(d));
}

void Builder::forward() {
  const Epilogue& e = p().epilogue;
  const Descriptor* value = e.bias || e.relu ? &between(y_extents()) : &tensor(Uid::y, y_extents());
  Descriptor conv(api_, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  conv.set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, tensor(Uid::x, x_extents()))
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, tensor(Uid::w, w_extents()))
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, *value)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, convolution())
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 1.0F)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 0.0F);
  operation(std::move(conv));
  if (e.bias) {
    const Descriptor& bias = tensor(static_cast<std::int64_t>(Uid::b), {1, p().k, 1, 1},
                                    CUDNN_DATA_FLOAT, false);  // biases are fp32 in every mode
    const Descriptor* sum = e.relu ? &between(y_extents()) : &tensor(Uid::y, y_extents());
    Descriptor add(api_, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise(CUDNN_POINTWISE_ADD))
        .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *value)
        .set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, bias)
        .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, *sum);
    operation(std::move(add));
    value = sum;
  }
  if (e.relu) {
    Descriptor relu(api_, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    relu.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise(CUDNN_POINTWISE_RELU_FWD))
        .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, *value)
        .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, tensor(Uid::y, y_extents()));
    operation(std::move(relu));
  }
}

void Builder::dgrad() {
  const bool mask = p().epilogue.mask;
  const Descriptor& value = mask ? between(x_extents()) : tensor(Uid::dx, x_extents());
  Descriptor conv(api_, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR);
  conv.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, tensor(Uid::dy, y_extents()))
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, tensor(Uid::w, w_extents()))
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, value)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, convolution())
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, 1.0F)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, 0.0F);
  operation(std::move(conv));
  if (!mask) return;
  Descriptor gate(api_, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  gate.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise(CUDNN_POINTWISE_RELU_BWD))
      .set(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, value)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, tensor(Uid::mask, x_extents()))
      .set(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, tensor(Uid::dx, x_extents()));
  operation(std::move(gate));
}

void Builder::wgrad() {
  Descriptor conv(api_, CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR);
  conv.set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, tensor(Uid::x, x_extents()))
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, tensor(Uid::dy, y_extents()))
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, tensor(Uid::dw, w_extents()))
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, convolution())
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, 1.0F)
      .set(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, 0.0F);
  operation(std::move(conv));
}

constexpr Epilogue expressible_in(Pass pass) {
  if (pass == Pass::forward) return {.bias = true, .relu = true};
  if (pass == Pass::dgrad) return {.mask = true};
  return {};
}

}  // namespace

Verdict expressible(Pass pass, const Epilogue& epilogue) {
  return covers(expressible_in(pass), epilogue);
}

ConvGraph::ConvGraph(const CudnnApi& api, cudnnHandle_t handle, const ConvSetup& setup)
    : graph_{api, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR} {
  Builder builder(api, setup, parts_);
  if (setup.pass == Pass::forward) builder.forward();
  if (setup.pass == Pass::dgrad) builder.dgrad();
  if (setup.pass == Pass::wgrad) builder.wgrad();
  graph_.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle)
      .set(CUDNN_ATTR_OPERATIONGRAPH_OPS, builder.operations())
      .finalize();
}

}  // namespace fovea::cudnn
