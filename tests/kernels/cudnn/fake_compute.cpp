// fake_compute.cpp - an operation graph computed on the host from its descriptors: convolutions by
// their definition over dimensions, strides and padding, pointwise operations one by one.
#include <fovea/core/dtype.h>
#include <fovea/tests/kernels/cudnn/fake_descriptor.h>

#include <array>

namespace fovea::test::fake {
namespace {

using Index = std::array<std::int64_t, 4>;  // n c h w

/// A tensor of a graph: fp64 where it is virtual, the caller's memory else.
struct Tensor {
  Index extent{}, stride{};
  cudnnDataType_t type{};
  void* data = nullptr;
  std::vector<double> own;

  std::size_t at(const Index& i) const {
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < 4; ++d) offset += (extent[d] == 1 ? 0 : i[d]) * stride[d];
    return static_cast<std::size_t>(offset);
  }
  double get(const Index& i) const {
    if (data == nullptr) return own[at(i)];
    if (type == CUDNN_DATA_BFLOAT16) return to_float(static_cast<const bf16*>(data)[at(i)]);
    return static_cast<const float*>(data)[at(i)];
  }
  void set(const Index& i, double value) {
    if (data == nullptr) {
      own[at(i)] = value;
    } else if (type == CUDNN_DATA_BFLOAT16) {
      static_cast<bf16*>(data)[at(i)] = to_bf16(static_cast<float>(value));
    } else {
      static_cast<float*>(data)[at(i)] = static_cast<float>(value);
    }
  }
  /// f(index) for every element.
  template <class F>
  void each(const F& f) const {
    Index i{};
    for (i[0] = 0; i[0] < extent[0]; ++i[0])
      for (i[1] = 0; i[1] < extent[1]; ++i[1])
        for (i[2] = 0; i[2] < extent[2]; ++i[2])
          for (i[3] = 0; i[3] < extent[3]; ++i[3]) f(i);
  }
};

class Computation {
 public:
  Computation(const std::vector<std::int64_t>& uids, const std::vector<void*>& addresses) {
    for (std::size_t i = 0; i < uids.size(); ++i) addresses_[uids[i]] = addresses[i];
  }

  void run(const FakeDescriptor& op) {
    switch (op.type) {
      case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
        return convolve(op, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, 2);
      case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
        return convolve(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, 0);
      case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
        return convolve(op, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                        CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, 1);
      case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
        return pointwise(op);
      default:
        complain("an operation that the fake cannot compute");
    }
  }

 private:
  // The tensor, its memory the pack's or, virtual, the computation's.
  Tensor& tensor(const FakeDescriptor& op, cudnnBackendAttributeName_t name) {
    const FakeDescriptor& d = op.child(name);
    const auto uid = d.one<std::int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID);
    const auto [found, fresh] = tensors_.try_emplace(uid);
    Tensor& t = found->second;
    if (!fresh) return t;
    const auto extent = d.all<std::int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS);
    const auto stride = d.all<std::int64_t>(CUDNN_ATTR_TENSOR_STRIDES);
    std::copy_n(extent.begin(), 4, t.extent.begin());
    std::copy_n(stride.begin(), 4, t.stride.begin());
    t.type = d.one<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE);
    if (d.one<bool>(CUDNN_ATTR_TENSOR_IS_VIRTUAL)) {
      t.own.resize(static_cast<std::size_t>(extent[0] * extent[1] * extent[2] * extent[3]));
    } else if (addresses_.contains(uid)) {
      t.data = addresses_[uid];
    } else {
      complain("tensor " + std::to_string(uid) + " is not in the variant pack");
    }
    return t;
  }

  // y = sum of x w, and the two gradients of that sum; result: 0 x, 1 w, 2 y.
  void convolve(const FakeDescriptor& op, cudnnBackendAttributeName_t convolution,
                cudnnBackendAttributeName_t x_name, cudnnBackendAttributeName_t w_name,
                cudnnBackendAttributeName_t y_name, int result) {
    const FakeDescriptor& c = op.child(convolution);
    const auto pre = c.all<std::int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
    const auto post = c.all<std::int64_t>(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
    const auto stride = c.all<std::int64_t>(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
    const auto dilation = c.all<std::int64_t>(CUDNN_ATTR_CONVOLUTION_DILATIONS);
    Tensor &x = tensor(op, x_name), &w = tensor(op, w_name), &y = tensor(op, y_name);
    for (std::size_t d : {0U, 1U}) {
      const std::int64_t want =
          (x.extent[2 + d] + pre[d] + post[d] - dilation[d] * (w.extent[2 + d] - 1) - 1) /
              stride[d] +
          1;
      if (y.extent[2 + d] != want) complain("a convolution's output has another size");
    }
    const std::int64_t per_group = y.extent[1] / (x.extent[1] / w.extent[1]);
    Tensor& out = result == 0 ? x : result == 1 ? w : y;
    std::vector<double> sums(
        static_cast<std::size_t>(out.extent[0] * out.extent[1] * out.extent[2] * out.extent[3]));
    y.each([&](const Index& o) {
      for (std::int64_t i = 0; i < w.extent[1]; ++i)
        for (std::int64_t r = 0; r < w.extent[2]; ++r)
          for (std::int64_t s = 0; s < w.extent[3]; ++s) {
            const Index in = {o[0], o[1] / per_group * w.extent[1] + i,
                              o[2] * stride[0] - pre[0] + r * dilation[0],
                              o[3] * stride[1] - pre[1] + s * dilation[1]};
            if (in[2] < 0 || in[2] >= x.extent[2] || in[3] < 0 || in[3] >= x.extent[3]) continue;
            const Index tap = {o[1], i, r, s};
            if (result == 0) sums[x.at(in)] += w.get(tap) * y.get(o);
            if (result == 1) sums[w.at(tap)] += x.get(in) * y.get(o);
            if (result == 2) sums[y.at(o)] += x.get(in) * w.get(tap);
          }
    });
    out.each([&](const Index& i) { out.set(i, sums[out.at(i)]); });
  }

  void pointwise(const FakeDescriptor& op) {
    const auto mode = op.child(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR)
                          .one<cudnnPointwiseMode_t>(CUDNN_ATTR_POINTWISE_MODE);
    Tensor& x = tensor(op, CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
    if (mode == CUDNN_POINTWISE_RELU_BWD) {
      const Tensor& dy = tensor(op, CUDNN_ATTR_OPERATION_POINTWISE_DYDESC);
      Tensor& dx = tensor(op, CUDNN_ATTR_OPERATION_POINTWISE_DXDESC);
      dx.each([&](const Index& i) { dx.set(i, x.get(i) > 0 ? dy.get(i) : 0.0); });
      return;
    }
    Tensor& y = tensor(op, CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
    if (mode == CUDNN_POINTWISE_ADD) {
      const Tensor& b = tensor(op, CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
      y.each([&](const Index& i) { y.set(i, x.get(i) + b.get(i)); });
    } else if (mode == CUDNN_POINTWISE_RELU_FWD) {
      y.each([&](const Index& i) { y.set(i, x.get(i) < 0 ? 0.0 : x.get(i)); });
    } else {
      complain("a pointwise mode that the fake cannot compute");
    }
  }

  std::map<std::int64_t, void*> addresses_;
  std::map<std::int64_t, Tensor> tensors_;
};

}  // namespace

cudnnStatus_t compute(const FakeDescriptor& graph, const std::vector<std::int64_t>& uids,
                      const std::vector<void*>& addresses) {
  const std::size_t before = fake_cudnn().complaints.size();
  Computation computation(uids, addresses);
  for (const FakeDescriptor* op : graph.all<const FakeDescriptor*>(CUDNN_ATTR_OPERATIONGRAPH_OPS)) {
    computation.run(*op);
  }
  return fake_cudnn().complaints.size() == before ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}

}  // namespace fovea::test::fake
