// scale.cu - y = factor * x. Mapping: pointwise.cuh. 8 bytes per element, in bf16 4, the least
// possible.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/cuda/pointwise.cuh>

namespace fovea::FOVEA_TARGET {
namespace {

struct TimesFactor {
  float factor;
  __device__ float operator()(float x) const { return factor * x; }
};

void run(const ScaleProblem& p, const Scale::Args& a, StreamView stream) {
  by_type(a.x, [&]<class T>(T) {
    run_pointwise(p.count, TimesFactor{p.factor}, a.y.as<T>(), stream, a.x.as<T>());
  });
}

}  // namespace

Algorithm<Scale> scale() { return make_algorithm<Scale>({.name = "vector", .run = run}); }

}  // namespace fovea::FOVEA_TARGET
