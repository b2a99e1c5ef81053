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
  using E = typename T::Element;
  using Left = MatrixColumns<E>;
  using Right = PatchColumns<E>;
  using Finish = FinishWgrad<E>;
  static constexpr int kLeftWidth = Width, kRightWidth = Width;
};

template <class P>
void run(const ConvProblem& p, const TiledVariant& v, const ConvWgrad::Args& a, StreamView stream) {
  using E = typename P::E;
  const Patch patch = output_patch(p);
  const Odometer pixels{patch.grid_columns, patch.grid_rows};
  const std::int64_t weights = p.w_shape().elements();
  float* const db = p.epilogue.db ? a.db.as<float>() : nullptr;
  const auto dw =
      Results<E>::of(a.dw, weights, v.splits, a.context.workspace, patch.depth % 4 == 0);
  FinishWgrad<E> finish{.dw = dw,
                        .db = db,
                        .db_part = 0,
                        .group_filters = p.k_per_group(),
                        .filter_size = patch.depth,
                        .accumulate = p.epilogue.acc};
  if (v.splits > 1) {
    finish.db = db != nullptr ? dw.partials + v.splits * weights : nullptr;
    finish.db_part = p.k;
    finish.accumulate = false;
  }
  run_implicit_gemm<P>({.left = {.matrix = a.dy.as<E>(),
                                 .rows = p.k_per_group(),
                                 .pitch = static_cast<unsigned>(p.k),
                                 .stride = LeftCopies<P>::kStep},
                        .right = {.patch = patch,
                                  .image = a.x.as<E>(),
                                  .stride = RightCopies<P>::kStep,
                                  .step = pixels.digits(RightCopies<P>::kStep)},
                        .rows = p.k_per_group(),
                        .columns = patch.depth,
                        .depth = patch.cells,
                        .groups = p.groups,
                        .variant = v,
                        .workspace = a.context.workspace,
                        .finish = finish},
                       stream);
  dw.reduce(v.splits, stream, p.epilogue.acc);
  if (v.splits > 1 && db != nullptr) {
    run_reduce({finish.db, p.k, v.splits}, db, p.epilogue.acc, stream);
  }
}

Extents extents(const ConvProblem& p) {
  Extents e = wgrad_extents(p);
  e.may_stream = true;
  return e;
}

template <class E>
bool in_vectors(const ConvProblem& p) {
  return p.c_per_group() % kPerAccess<E> == 0 && p.k_per_group() % kPerAccess<E> == 0;
}

template <class Vector, class Scalar>
void run_vector(const ConvProblem& p, const TiledVariant& v, const ConvWgrad::Args& a,
                StreamView stream) {
  const bool aligned = is_aligned(a.dy.data, 16) && is_aligned(a.x.data, 16);
  aligned ? run<Vector>(p, v, a, stream) : run<Scalar>(p, uncut(v), a, stream);
}

template <class ScalarTile, class... Tiles>
Algorithm<ConvWgrad> algorithm(Math math) {
  using E = typename ScalarTile::Element;
  constexpr int kWidth = kPerAccess<E>;
  using Scalar = WgradPass<ScalarTile, 1>;
  const auto vector = []<class P>(P*) { return gemm_kernel<ConvWgrad, P>(run_vector<P, Scalar>); };
  return implicit_gemm_algorithm<ConvWgrad>(
      {.math = math,
       .offered = kWgradEpilogues,
       .extents = extents,
       .in_vectors = in_vectors<E>,
       .vector = {vector(static_cast<WgradPass<Tiles, kWidth>*>(nullptr))...},
       .scalar = {gemm_kernel<ConvWgrad, Scalar>(run<Scalar>)}});
}

using Built = WideTiles;

template <class M>
Algorithm<ConvWgrad> on_tensor_cores() {
  return algorithm<Built::Scalar<M>, Built::Large<M>, Built::Large96<M>, Built::Slim<M>,
                   Built::Medium<M>, Built::Medium96<M>, Built::Small<M>>(M::kMath);
}

}  // namespace

Algorithm<ConvWgrad> conv_wgrad_implicit_gemm(Math math) {
  switch (math) {
    case Math::fp32:
      return algorithm<Built::Fp32Scalar, Built::Fp32Large, Built::Fp32Medium96, Built::Fp32Small>(
          math);
    case Math::tf32:
      return on_tensor_cores<Tf32Math>();
    case Math::bf16:
      return on_tensor_cores<Bf16Math>();
  }
  return {};
}

}  // namespace fovea::FOVEA_TARGET
