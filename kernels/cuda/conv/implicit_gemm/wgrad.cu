// wgrad.cu - implicit_gemm, weight and bias gradient: dw[filters, taps and channels] = dy^T x over
// the pixels of the batch, which go in parts, added in order by tile/reduce.cu. The blocks of the
// first weights add up the dy that lies in shared memory anyway: db, in fp32 in every mode. See
// kernel.h.
#include <fovea/kernels/cuda/conv/implicit_gemm/algorithm.h>
#include <fovea/kernels/cuda/conv/implicit_gemm/finish.h>
#include <fovea/kernels/cuda/tile/reduce.h>

namespace fovea::FOVEA_TARGET {
namespace {

template <class T, int Width>
struct WgradPass {
  using Tile = T;
  using Left = MatrixColumns<float>;
  using Right = PatchColumns<float>;
  using Finish = FinishWgrad;
  static constexpr int kLeftWidth = Width, kRightWidth = Width;
};

template <class P>
void run(const ConvProblem& p, int splits, const ConvWgrad::Args& a, StreamView stream) {
  const Patch patch = output_patch(p);
  const Odometer pixels{patch.grid_columns, patch.grid_rows};
  const std::int64_t weights = p.w_shape().elements();
  float* const dw = a.dw.as<float>();
  float* const db = p.epilogue.db ? a.db.as<float>() : nullptr;
  FinishWgrad finish{.dw = dw,
                     .db = db,
                     .dw_part = 0,
                     .db_part = 0,
                     .group_filters = p.k_per_group(),
                     .filter_size = patch.depth,
                     .accumulate = p.epilogue.acc,
                     .vectors = false};
  if (splits > 1) {
    finish.dw = static_cast<float*>(a.context.workspace);
    finish.db = db != nullptr ? finish.dw + splits * weights : nullptr;
    finish.dw_part = weights;
    finish.db_part = p.k;
    finish.accumulate = false;
  }
  finish.vectors = patch.depth % 4 == 0 && is_aligned(finish.dw, 16);
  run_implicit_gemm<P>({.left = {.matrix = a.dy.as<float>(),
                                 .rows = p.k_per_group(),
                                 .pitch = static_cast<unsigned>(p.k),
                                 .stride = LeftCopies<P>::kStep},
                        .right = {.patch = patch,
                                  .image = a.x.as<float>(),
                                  .stride = RightCopies<P>::kStep,
                                  .step = pixels.digits(RightCopies<P>::kStep)},
                        .rows = p.k_per_group(),
                        .columns = patch.depth,
                        .depth = patch.cells,
                        .groups = p.groups,
                        .splits = splits,
                        .finish = finish},
                       stream);
  if (splits == 1) return;
  run_reduce({finish.dw, weights, splits}, dw, p.epilogue.acc, stream);
  if (db != nullptr) run_reduce({finish.db, p.k, splits}, db, p.epilogue.acc, stream);
}

bool in_vectors(const ConvProblem& p) {
  return p.c_per_group() % 4 == 0 && p.k_per_group() % 4 == 0;
}

template <class Vector, class Scalar>
void run_vector(const ConvProblem& p, int splits, const ConvWgrad::Args& a, StreamView stream) {
  const bool aligned = is_aligned(a.dy.data, 16) && is_aligned(a.x.data, 16);
  aligned ? run<Vector>(p, splits, a, stream) : run<Scalar>(p, splits, a, stream);
}

template <class Large, class Small, class ScalarTile>
Algorithm<ConvWgrad> algorithm(Math math) {
  using Scalar = WgradPass<ScalarTile, 1>;
  const auto vector = []<class P>(P*) { return gemm_kernel<ConvWgrad, P>(run_vector<P, Scalar>); };
  return implicit_gemm_algorithm<ConvWgrad>(
      {.math = math,
       .offered = kWgradEpilogues,
       .extents = wgrad_extents,
       .in_vectors = in_vectors,
       .vector = {vector(static_cast<WgradPass<Large, 4>*>(nullptr)),
                  vector(static_cast<WgradPass<Small, 4>*>(nullptr))},
       .scalar = {gemm_kernel<ConvWgrad, Scalar>(run<Scalar>)}});
}

using Tiles = WideTiles;

}  // namespace

Algorithm<ConvWgrad> conv_wgrad_implicit_gemm(Math math) {
  switch (math) {
    case Math::fp32:
      return algorithm<Tiles::Fp32Large, Tiles::Fp32Small, Tiles::Fp32Scalar>(math);
    case Math::tf32:
      return algorithm<Tiles::Large<Tf32Math>, Tiles::Small<Tf32Math>, Tiles::Scalar<Tf32Math>>(
          math);
    case Math::bf16:
      return algorithm<Tiles::Large<Bf16Math>, Tiles::Small<Bf16Math>, Tiles::Scalar<Bf16Math>>(
          math);
  }
  return {};
}

}  // namespace fovea::FOVEA_TARGET
