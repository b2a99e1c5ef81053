// dgrad.cu - implicit_gemm, input gradient: dx[cells, channels] = dy[cells, taps and filters] w,
// with ReLU's mask and accumulation. A stride parts dx into phases, one launch each, with no
// product by a zero (conv/phase.h). Few tiles: the reduction in parts, added in order by
// tile/reduce.cu. See kernel.h.
#include <fovea/kernels/cuda/conv/implicit_gemm/algorithm.h>
#include <fovea/kernels/cuda/conv/implicit_gemm/finish.h>
#include <fovea/kernels/cuda/tile/reduce.h>

namespace fovea::FOVEA_TARGET {
namespace {

template <class T, int Width, int LeftWidth = Width>
struct DgradPass {
  using Tile = T;
  using Left = PatchRows<float>;
  using Right = PhaseWeights<float>;
  using Finish = FinishDgrad;
  static constexpr int kLeftWidth = LeftWidth, kRightWidth = Width;
};

/// Where the results of all phases go, and how they leave.
struct Output {
  float* dx = nullptr;
  std::int64_t part = 0;
  int splits = 1;
  DgradEpilogue epilogue;
};

template <class P>
void run_phase(const ConvProblem& p, const Phase& rows, const Phase& columns,
               const ConvDgrad::Args& a, const Output& out, StreamView stream) {
  const Patch patch = phase_patch(p, rows, columns);
  const Odometer taps{patch.group_channels, patch.taps_across};
  const int cg = p.c_per_group();
  const float* const mask = out.epilogue.mask;
  run_implicit_gemm<P>({.left = {patch, a.dy.as<float>(), taps.digits(LeftCopies<P>::kStep)},
                        .right = {.w = a.w.as<float>(),
                                  .filters = patch.group_channels,
                                  .taps_across = patch.taps_across,
                                  .channels = cg,
                                  .filter_size = p.r * p.s * cg,
                                  .first = (rows.first_tap * p.s + columns.first_tap) * cg,
                                  .tap_row = rows.tap_step * p.s * cg,
                                  .tap_column = columns.tap_step * cg,
                                  .stride = RightCopies<P>::kStep,
                                  .step = taps.digits(RightCopies<P>::kStep)},
                        .rows = patch.cells,
                        .columns = cg,
                        .depth = patch.depth,
                        .groups = p.groups,
                        .splits = out.splits,
                        .finish = {.dx = out.dx,
                                   .part = out.part,
                                   .grid_columns = patch.grid_columns,
                                   .grid_rows = patch.grid_rows,
                                   .cells = patch.cells,
                                   .height = p.h,
                                   .width = p.w,
                                   .channels = p.c,
                                   .group_channels = cg,
                                   .first_row = rows.first,
                                   .first_column = columns.first,
                                   .row_step = p.u,
                                   .column_step = p.v,
                                   .vectors = cg % 4 == 0 && is_aligned(out.dx, 16) &&
                                              (mask == nullptr || is_aligned(mask, 16)),
                                   .epilogue = out.epilogue}},
                       stream);
}

template <class P>
void run(const ConvProblem& p, int splits, const ConvDgrad::Args& a, StreamView stream) {
  const DgradEpilogue epilogue = dgrad_epilogue(p.epilogue, a.mask);
  const std::int64_t count = p.x_shape().elements();
  Output out{.dx = a.dx.as<float>(), .epilogue = epilogue};
  if (splits > 1) {
    out = {.dx = static_cast<float*>(a.context.workspace),
           .part = count,
           .splits = splits,
           .epilogue = {}};
  }
  for (int i = 0; i < p.u; ++i) {
    const Phase rows = phase_of(i, p.u, p.h, p.ph.begin, p.r, p.dh, p.p());
    for (int j = 0; j < p.v; ++j) {
      const Phase columns = phase_of(j, p.v, p.w, p.pw.begin, p.s, p.dw, p.q());
      if (rows.cells == 0 || columns.cells == 0) continue;
      run_phase<P>(p, rows, columns, a, out, stream);
    }
  }
  if (splits > 1) run_reduce({out.dx, count, splits}, a.dx.as<float>(), epilogue, stream);
}

bool in_vectors(const ConvProblem& p) {
  return p.c_per_group() % 4 == 0 && p.k_per_group() % 4 == 0;
}

template <class Vector, class Scalar>
void run_vector(const ConvProblem& p, int splits, const ConvDgrad::Args& a, StreamView stream) {
  const bool aligned = is_aligned(a.dy.data, 16) && is_aligned(a.w.data, 16);
  aligned ? run<Vector>(p, splits, a, stream) : run<Scalar>(p, splits, a, stream);
}

// Where channels fill no vector, as a first layer's, filters may: dy is most of what is copied.
template <class VectorsOfDy, class Scalar>
void run_scalar(const ConvProblem& p, int splits, const ConvDgrad::Args& a, StreamView stream) {
  const bool vectors = p.k_per_group() % 4 == 0 && is_aligned(a.dy.data, 16);
  vectors ? run<VectorsOfDy>(p, splits, a, stream) : run<Scalar>(p, splits, a, stream);
}

Extents extents(const ConvProblem& p) {
  Extents e = dgrad_extents(p);
  e.may_split = true;
  return e;
}

template <class Large, class Small, class ScalarTile>
Algorithm<ConvDgrad> algorithm(Math math) {
  using Scalar = DgradPass<ScalarTile, 1>;
  const auto vector = []<class P>(P*) { return gemm_kernel<ConvDgrad, P>(run_vector<P, Scalar>); };
  return implicit_gemm_algorithm<ConvDgrad>(
      {.math = math,
       .offered = kDgradEpilogues,
       .extents = extents,
       .in_vectors = in_vectors,
       .vector = {vector(static_cast<DgradPass<Large, 4>*>(nullptr)),
                  vector(static_cast<DgradPass<Small, 4>*>(nullptr))},
       .scalar = {
           gemm_kernel<ConvDgrad, Scalar>(run_scalar<DgradPass<ScalarTile, 1, 4>, Scalar>)}});
}

using Tiles = TallTiles<Order::along, Order::across>;

}  // namespace

Algorithm<ConvDgrad> conv_dgrad_implicit_gemm(Math math) {
  switch (math) {
    case Math::fp32:
      return algorithm<Tiles::Fp32Large, Tiles::Fp32Small, Tiles::Fp32Narrow>(math);
    case Math::tf32:
      return algorithm<Tiles::Large<Tf32Math>, Tiles::Small<Tf32Math>, Tiles::Narrow<Tf32Math>>(
          math);
    case Math::bf16:
      return algorithm<Tiles::Large<Bf16Math>, Tiles::Small<Bf16Math>, Tiles::Narrow<Bf16Math>>(
          math);
  }
  return {};
}

}  // namespace fovea::FOVEA_TARGET
