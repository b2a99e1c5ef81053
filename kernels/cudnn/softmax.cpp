// softmax.cpp - probabilities. The loss is not here: it also counts errors and stops at rows that
// do not count, which cuDNN's op does not.
#include <fovea/kernels/cudnn/ops_plan.h>
#include <fovea/kernels/ops/loss.h>

namespace fovea::cudnn {
namespace {

auto forward(const CudnnApi& descriptors_of, const LossProblem& p) {
  return [x = nhwc(descriptors_of, p.n, p.c, 1, 1)](const CudnnApi& api, cudnnHandle_t handle,
                                                    const Softmax::Args& a) {
    api.check(api.softmax_forward(handle, CUDNN_SOFTMAX_ACCURATE, CUDNN_SOFTMAX_MODE_INSTANCE,
                                  &kOne, x.get(), a.x.data, &kZero, x.get(), a.y.data),
              "cudnnSoftmaxForward");
  };
}

}  // namespace

void add_softmax(Registry& registry, const SharedEngine& engine) {
  registry.add(ops_algorithm<Softmax>(
      engine, "softmax", [](const LossProblem&) { return Verdict{}; }, forward));
}

}  // namespace fovea::cudnn
