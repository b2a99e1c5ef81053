// lrn.cpp - local response normalisation across channels.
#include <fovea/kernels/cudnn/ops_plan.h>
#include <fovea/kernels/ops/lrn.h>

namespace fovea::cudnn {
namespace {

using LrnDescriptor = Owned<cudnnLRNDescriptor_t>;

// cudnn_ops.h, CUDNN_LRN_MIN_N and the following.
Verdict alike(const LrnProblem& p) {
  if (p.within) return Verdict::no("cuDNN's windows lie across channels");
  if (p.groups != 1) return Verdict::no("cuDNN's windows know no groups");
  if (p.size % 2 == 0) return Verdict::no("cuDNN's windows of even size are not centred");
  if (p.size < CUDNN_LRN_MIN_N || p.size > CUDNN_LRN_MAX_N) {
    return Verdict::no("cuDNN's windows hold 1 to 16 channels");
  }
  if (p.k < CUDNN_LRN_MIN_K) return Verdict::no("cuDNN wants k of at least 0.00001");
  if (p.beta < CUDNN_LRN_MIN_BETA) return Verdict::no("cuDNN wants beta of at least 0.01");
  return {};
}

struct LrnDescriptors {
  LrnDescriptor lrn;
  TensorDescriptor x;
};

LrnDescriptors descriptors(const CudnnApi& api, const LrnProblem& p) {
  LrnDescriptors d{owned(api, api.create_lrn, api.destroy_lrn, "cudnnCreateLRNDescriptor"),
                   nhwc(api, p.n, p.c, p.h, p.w)};
  const double alpha = double{p.scale()} * p.size;  // cuDNN divides it by the window's size
  api.check(api.set_lrn(d.lrn.get(), static_cast<unsigned>(p.size), alpha, p.beta, p.k),
            "cudnnSetLRNDescriptor");
  return d;
}

void launch_forward(const LrnDescriptors& d, const CudnnApi& api, cudnnHandle_t handle,
                    const void* x, void* y) {
  api.check(api.lrn_forward(handle, d.lrn.get(), CUDNN_LRN_CROSS_CHANNEL_DIM1, &kOne, d.x.get(), x,
                            &kZero, d.x.get(), y),
            "cudnnLRNCrossChannelForward");
}

auto forward(const CudnnApi& descriptors_of, const LrnProblem& p) {
  return [d = descriptors(descriptors_of, p)](const CudnnApi& api, cudnnHandle_t handle,
                                              const LrnForward::Args& a) {
    launch_forward(d, api, handle, a.x.data, a.y.data);
  };
}

// cuDNN's gradient reads y; the op's arguments have no place for it, so that it is made once more.
auto backward(const CudnnApi& descriptors_of, const LrnProblem& p) {
  return [d = descriptors(descriptors_of, p)](const CudnnApi& api, cudnnHandle_t handle,
                                              const LrnBackward::Args& a) {
    void* y = a.context.workspace;
    launch_forward(d, api, handle, a.x.data, y);
    api.check(
        api.lrn_backward(handle, d.lrn.get(), CUDNN_LRN_CROSS_CHANNEL_DIM1, &kOne, d.x.get(), y,
                         d.x.get(), a.dy.data, d.x.get(), a.x.data, &kZero, d.x.get(), a.dx.data),
        "cudnnLRNCrossChannelBackward");
  };
}

std::size_t bytes_of_y(const LrnProblem& p) {
  return static_cast<std::size_t>(checked_mul(p.x_shape().elements(), sizeof(float)));
}

}  // namespace

void add_lrn(Registry& registry, const SharedEngine& engine) {
  registry.add(ops_algorithm<LrnForward>(engine, "lrn", alike, forward));
  auto gradient = ops_algorithm<LrnBackward>(engine, "lrn", alike, backward, bytes_of_y);
  gradient.error_factor = 2;  // 1.42 on an H200, cuDNN 9.14, 2,056 channels: of powers it takes
  registry.add(std::move(gradient));
}

}  // namespace fovea::cudnn
