// forward.cu - implicit_gemm, forward: y[pixels, filters] = x[pixels, taps and channels] w^T, with
// bias and ReLU. Few tiles: the reduction in parts, added in order by tile/reduce.cu; a last wave
// that is not full: its tiles cut, joined by cut_tiles.h. See kernel.h.
#include <fovea/kernels/cuda/conv/implicit_gemm/algorithm.h>
#include <fovea/kernels/cuda/conv/implicit_gemm/finish.h>
#include <fovea/kernels/cuda/tile/reduce.h>

namespace fovea::FOVEA_TARGET {
namespace {

template <class T, int Width>
struct ForwardPass {
  using Tile = T;
  using E = typename T::Element;
  using Left = PatchRows<E, kKeepsPixels<T, Width>>;
  using Right = MatrixRows<E>;
  using Finish = FinishForward<E>;
  static constexpr int kLeftWidth = Width, kRightWidth = Width;
};

template <class P>
void run(const ConvProblem& p, const TiledVariant& v, const ConvForward::Args& a,
         StreamView stream) {
  using E = typename P::E;
  const Patch patch = output_patch(p);
  const Odometer taps{patch.group_channels, patch.taps_across};
  const ForwardEpilogue epilogue = forward_epilogue(p, a);
  const auto y = Results<E>::of(a.y, p.y_shape().elements(), v.splits, a.context.workspace,
                                p.k_per_group() % 4 == 0);
  run_implicit_gemm<P>({.left = {patch, a.x.as<E>(), taps.digits(LeftCopies<P>::kStep)},
                        .right = {a.w.as<E>(), p.k_per_group(), patch.depth},
                        .rows = patch.cells,
                        .columns = p.k_per_group(),
                        .depth = patch.depth,
                        .groups = p.groups,
                        .variant = v,
                        .workspace = a.context.workspace,
                        .finish = {.y = y,
                                   .pixels = patch.cells,
                                   .group_filters = p.k_per_group(),
                                   .filters = p.k,
                                   .epilogue = v.splits == 1 ? epilogue : ForwardEpilogue{}}},
                       stream);
  y.reduce(v.splits, stream, p.k, epilogue);
}

template <class T>
bool in_vectors(const ConvProblem& p) {
  return p.c_per_group() % kPerAccess<typename T::Element> == 0 && images_in_vectors<T>(p);
}

template <class Vector, class Scalar>
void run_vector(const ConvProblem& p, const TiledVariant& v, const ConvForward::Args& a,
                StreamView stream) {
  const bool aligned = is_aligned(a.x.data, 16) && is_aligned(a.w.data, 16);
  aligned ? run<Vector>(p, v, a, stream) : run<Scalar>(p, uncut(v), a, stream);
}

Extents extents(const ConvProblem& p) {
  Extents e = forward_extents(p);
  e.may_split = e.may_stream = true;
  return e;
}

template <class ScalarTile, class... MoreScalarTiles, class... Tiles>
Algorithm<ConvForward> algorithm(Math math, TileList<ScalarTile, MoreScalarTiles...>,
                                 TileList<Tiles...>) {
  using E = typename ScalarTile::Element;
  constexpr int kWidth = kPerAccess<E>;
  using Scalar = ForwardPass<ScalarTile, 1>;
  const auto vector = []<class P>(P*) {
    return gemm_kernel<ConvForward, P>(run_vector<P, Scalar>);
  };
  const auto scalar = []<class P>(P*) { return gemm_kernel<ConvForward, P>(run<P>); };
  return implicit_gemm_algorithm<ConvForward>(
      {.math = math,
       .offered = {.bias = true, .relu = true, .drop = true},
       .extents = extents,
       .in_vectors = in_vectors<ScalarTile>,
       .vector = {vector(static_cast<ForwardPass<Tiles, kWidth>*>(nullptr))...},
       .scalar = {scalar(static_cast<Scalar*>(nullptr)),
                  scalar(static_cast<ForwardPass<MoreScalarTiles, 1>*>(nullptr))...}});
}

using Built = TallTiles<Order::along, Order::along>;

template <class M>
Algorithm<ConvForward> on_tensor_cores() {
  return algorithm(M::kMath, TileList<Built::Scalar<M>>{},
                   TileList<Built::Large<M>, Built::Large96<M>, Built::Slim<M>, Built::Medium<M>,
                            Built::Medium96<M>, Built::Small<M>>{});
}

}  // namespace

Algorithm<ConvForward> conv_forward_implicit_gemm(Math math) {
  switch (math) {
    case Math::fp32:
      return algorithm(math, TileList<Built::Fp32Scalar, Built::Fp32Scalar96>{},
                       TileList<Built::Fp32Large, Built::Fp32Medium96, Built::Fp32Small>{});
    case Math::tf32:
      return on_tensor_cores<Tf32Math>();
    case Math::bf16:
      return on_tensor_cores<Bf16Math>();
  }
  return {};
}

}  // namespace fovea::FOVEA_TARGET
