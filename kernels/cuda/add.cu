// add.cu - y = a + b. Mapping: pointwise.cuh. 12 bytes per element, in bf16 6, the least possible.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/cuda/pointwise.cuh>

namespace fovea::FOVEA_TARGET {
namespace {

struct Plus {
  __device__ float operator()(float a, float b) const { return a + b; }
};

void run(const AddProblem& p, const Add::Args& a, StreamView stream) {
  by_type(a.a, [&]<class T>(T) {
    run_pointwise(p.count, Plus{}, a.y.as<T>(), stream, a.a.as<T>(), a.b.as<T>());
  });
}

}  // namespace

Algorithm<Add> add() { return make_algorithm<Add>({.name = "vector", .run = run}); }

}  // namespace fovea::FOVEA_TARGET
