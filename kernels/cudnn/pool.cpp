// pool.cpp - average pooling both ways. Max pooling is not here: fovea records each winner in a
// byte for the way back, cuDNN's op looks for it again in x and y, which fovea does not keep.
#include <fovea/kernels/cudnn/ops_plan.h>
#include <fovea/kernels/ops/pool.h>

namespace fovea::cudnn {
namespace {

using PoolingDescriptor = Owned<cudnnPoolingDescriptor_t>;

/// Windows along one axis, as cuDNN counts and divides them.
Verdict axis_alike(int in, Padding pad, int window, int stride, int out, bool count_padding) {
  if (out != (in + 2 * pad.begin - window) / stride + 1) {
    return Verdict::no("cuDNN pads both ends alike and rounds the output's size down");
  }
  const int end = (out - 1) * stride + window;
  if (count_padding && end > in + pad.begin + pad.end) {
    return Verdict::no("cuDNN divides a window that hangs over the padded edge by all its cells");
  }
  return {};
}

Verdict alike(const PoolProblem& p) {
  if (const Verdict v = axis_alike(p.h, p.ph, p.r, p.u, p.p(), p.count_padding); !v) return v;
  return axis_alike(p.w, p.pw, p.s, p.v, p.q(), p.count_padding);
}

struct PoolDescriptors {
  PoolingDescriptor pooling;
  TensorDescriptor x, y;
};

PoolDescriptors descriptors(const CudnnApi& api, const PoolProblem& p) {
  PoolDescriptors d{
      owned(api, api.create_pooling, api.destroy_pooling, "cudnnCreatePoolingDescriptor"),
      nhwc(api, p.n, p.c, p.h, p.w), nhwc(api, p.n, p.c, p.p(), p.q())};
  const auto mode = p.count_padding ? CUDNN_POOLING_AVERAGE_COUNT_INCLUDE_PADDING
                                    : CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING;
  api.check(api.set_pooling(d.pooling.get(), mode, CUDNN_PROPAGATE_NAN, p.r, p.s, p.ph.begin,
                            p.pw.begin, p.u, p.v),
            "cudnnSetPooling2dDescriptor");
  return d;
}

auto forward(const CudnnApi& descriptors_of, const PoolProblem& p) {
  return [d = descriptors(descriptors_of, p)](const CudnnApi& api, cudnnHandle_t handle,
                                              const AvgPoolForward::Args& a) {
    api.check(api.pooling_forward(handle, d.pooling.get(), &kOne, d.x.get(), a.x.data, &kZero,
                                  d.y.get(), a.y.data),
              "cudnnPoolingForward");
  };
}

// An average's gradient needs neither x nor y; tensors of their shapes stand in their places.
auto backward(const CudnnApi& descriptors_of, const PoolProblem& p) {
  return [d = descriptors(descriptors_of, p)](const CudnnApi& api, cudnnHandle_t handle,
                                              const AvgPoolBackward::Args& a) {
    api.check(api.pooling_backward(handle, d.pooling.get(), &kOne, d.y.get(), a.dy.data, d.y.get(),
                                   a.dy.data, d.x.get(), a.dx.data, &kZero, d.x.get(), a.dx.data),
              "cudnnPoolingBackward");
  };
}

}  // namespace

void add_pool(Registry& registry, const SharedEngine& engine) {
  registry.add(ops_algorithm<AvgPoolForward>(engine, "pooling", alike, forward));
  registry.add(ops_algorithm<AvgPoolBackward>(engine, "pooling", alike, backward));
}

}  // namespace fovea::cudnn
