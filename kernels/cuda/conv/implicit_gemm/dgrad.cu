// dgrad.cu - implicit_gemm, input gradient: dx[cells, channels] = dy[cells, taps and filters] w,
// with ReLU's mask and accumulation. A stride parts dx into phases with no product by a zero
// (conv/phase.h), one launch each; where channels are few, all are columns of one (phases.h). Few
// tiles: the reduction in parts, added in order by tile/reduce.cu. See kernel.h.
#include <fovea/kernels/cuda/conv/implicit_gemm/algorithm.h>
#include <fovea/kernels/cuda/conv/implicit_gemm/phases.h>
#include <fovea/kernels/cuda/tile/reduce.h>

namespace fovea::FOVEA_TARGET {
namespace {

/// Where the results of all phases go, and how they leave.
template <class E>
struct Output {
  Results<E> dx;
  TiledVariant variant;
  void* workspace = nullptr;
  DgradEpilogue<E> epilogue;
};

/// What a launch computes: one phase, or several side by side.
struct Part {
  const ConvProblem& p;
  const Phase &rows, &columns;
  const Patch& patch;
};

/// Channels and filters of a group fill vectors: a phase at a time.
template <class T>
struct VectorPass {
  using Tile = T;
  using E = typename T::Element;
  using Left = PatchRows<E, kKeepsPixels<T, kPerAccess<E>>>;
  using Right = PhaseWeights<E>;
  using Finish = FinishDgrad<E>;
  static constexpr int kLeftWidth = kPerAccess<E>, kRightWidth = kPerAccess<E>;

  static std::int64_t columns(const Part& part) { return part.p.c_per_group(); }
  static typename Right::Source weights(const Part& part, const E* w) {
    const ConvProblem& p = part.p;
    const int cg = p.c_per_group();
    return {.w = w,
            .filters = part.patch.group_channels,
            .taps_across = part.patch.taps_across,
            .channels = cg,
            .filter_size = p.r * p.s * cg,
            .first = (part.rows.first_tap * p.s + part.columns.first_tap) * cg,
            .tap_row = part.rows.tap_step * p.s * cg,
            .tap_column = part.columns.tap_step * cg};
  }
  static Finish finish(const Part& part, const Output<E>& out) {
    const ConvProblem& p = part.p;
    return {.dx = out.dx,
            .grid_columns = part.patch.grid_columns,
            .grid_rows = part.patch.grid_rows,
            .cells = part.patch.cells,
            .height = p.h,
            .width = p.w,
            .channels = p.c,
            .group_channels = p.c_per_group(),
            .first_row = part.rows.first,
            .first_column = part.columns.first,
            .row_step = p.u,
            .column_step = p.v,
            .epilogue = out.epilogue};
  }
};

/// Channels do not; filters do where LeftWidth is not 1.
template <class T, int LeftWidth>
struct ScalarPass {
  using Tile = T;
  using E = typename T::Element;
  using Left = PatchRows<E, kKeepsPixels<T, LeftWidth>>;
  using Right = WeightsOfPhases<E>;
  using Finish = FinishPhases<E>;
  static constexpr int kLeftWidth = LeftWidth, kRightWidth = 1;

  static PhaseColumns phases(const Part& part) {
    const int cg = part.p.c_per_group();
    return {.channels = FastDivide(static_cast<unsigned>(cg)),
            .across = FastDivide(static_cast<unsigned>(part.columns.count)),
            .count = part.rows.count * part.columns.count * cg};
  }
  static std::int64_t columns(const Part& part) { return phases(part).count; }
  static typename Right::Source weights(const Part& part, const E* w) {
    return {.w = w,
            .filters = part.patch.group_channels,
            .taps_across = part.patch.taps_across,
            .columns = phases(part),
            .filter_rows = part.p.r,
            .filter_columns = part.p.s,
            .first_row = part.rows.first_tap,
            .first_column = part.columns.first_tap,
            .row_step = part.rows.tap_step,
            .column_step = part.columns.tap_step};
  }
  static Finish finish(const Part& part, const Output<E>& out) {
    const ConvProblem& p = part.p;
    return {.dx = out.dx,
            .grid_columns = part.patch.grid_columns,
            .grid_rows = part.patch.grid_rows,
            .cells = part.patch.cells,
            .columns = phases(part),
            .height = p.h,
            .width = p.w,
            .channels = p.c,
            .first_row = part.rows.first,
            .first_column = part.columns.first,
            .row_step = p.u,
            .column_step = p.v,
            .epilogue = out.epilogue};
  }
};

template <class P>
void run_part(const ConvProblem& p, const Phase& rows, const Phase& columns,
              const ConvDgrad::Args& a, const Output<typename P::E>& out, StreamView stream) {
  using E = typename P::E;
  const Patch patch = phase_patch(p, rows, columns);
  const Part part{p, rows, columns, patch};
  const Odometer taps{patch.group_channels, patch.taps_across};
  GemmCall<P> call{
      .left = {patch, a.dy.as<E>(), taps.digits(LeftCopies<P>::kStep)},
      .right = P::weights(part, a.w.as<E>()),
      .rows = patch.cells,
      .columns = P::columns(part),
      .depth = patch.depth,
      .groups = p.groups,
      .variant = out.variant,
      .workspace = out.workspace,
      .finish = P::finish(part, out),
  };
  call.right.stride = RightCopies<P>::kStep;
  call.right.step = taps.digits(RightCopies<P>::kStep);
  run_implicit_gemm<P>(call, stream);
}

// Where channels fill no vector, as a first layer's, filters may: dy is most of what is copied.
template <class T>
bool left_in_vectors(const ConvProblem& p) {
  return p.k_per_group() % kPerAccess<typename T::Element> == 0 && images_in_vectors<T>(p);
}

template <class T>
bool in_vectors(const ConvProblem& p) {
  return p.c_per_group() % kPerAccess<typename T::Element> == 0 && left_in_vectors<T>(p);
}

Phase rows_together(const ConvProblem& p) {
  return phases_together(p.u, p.h, p.ph.begin, p.r, p.p());
}
Phase columns_together(const ConvProblem& p) {
  return phases_together(p.v, p.w, p.pw.begin, p.s, p.q());
}

// Whether all phases go side by side: for scalar kernels of a stride without dilation, where the
// columns of all, in tiles, times the taps of the longest phase are no more than a tile for each
// phase times its taps.
template <class T>
bool side_by_side(const ConvProblem& p) {
  if (in_vectors<T>(p) || (p.u == 1 && p.v == 1) || p.dh > 1 || p.dw > 1) return false;
  constexpr std::int64_t kTile = 32;
  const auto tiles = [](std::int64_t columns) { return (columns + kTile - 1) / kTile; };
  const std::int64_t phases = std::int64_t{p.u} * p.v;
  const std::int64_t taps = std::int64_t{rows_together(p).taps} * columns_together(p).taps;
  return tiles(phases * p.c_per_group()) * taps <= tiles(p.c_per_group()) * p.r * p.s;
}

template <class P>
void run(const ConvProblem& p, const TiledVariant& v, const ConvDgrad::Args& a, StreamView stream) {
  using E = typename P::E;
  const auto epilogue = dgrad_epilogue<E>(p.epilogue, a.mask);
  const bool fours = p.c_per_group() % 4 == 0 &&
                     (v.splits > 1 || is_aligned(epilogue.mask, 4 * static_cast<int>(sizeof(E))));
  const Output<E> out{
      .dx = Results<E>::of(a.dx, p.x_shape().elements(), v.splits, a.context.workspace, fours),
      .variant = v,
      .workspace = a.context.workspace,
      .epilogue = v.splits == 1 ? epilogue : DgradEpilogue<E>{}};
  if (side_by_side<typename P::Tile>(p)) {
    run_part<P>(p, rows_together(p), columns_together(p), a, out, stream);
  } else {
    for (int i = 0; i < p.u; ++i) {
      const Phase rows = phase_of(i, p.u, p.h, p.ph.begin, p.r, p.dh, p.p());
      for (int j = 0; j < p.v; ++j) {
        const Phase columns = phase_of(j, p.v, p.w, p.pw.begin, p.s, p.dw, p.q());
        if (rows.cells == 0 || columns.cells == 0) continue;
        run_part<P>(p, rows, columns, a, out, stream);
      }
    }
  }
  out.dx.reduce(v.splits, stream, epilogue);
}

template <class Vector, class Scalar>
void run_vector(const ConvProblem& p, const TiledVariant& v, const ConvDgrad::Args& a,
                StreamView stream) {
  const bool aligned = is_aligned(a.dy.data, 16) && is_aligned(a.w.data, 16);
  aligned ? run<Vector>(p, v, a, stream) : run<Scalar>(p, uncut(v), a, stream);
}

template <class VectorsOfDy, class Scalar>
void run_left(const ConvProblem& p, const TiledVariant& v, const ConvDgrad::Args& a,
              StreamView stream) {
  const bool aligned = is_aligned(a.dy.data, 16);
  aligned ? run<VectorsOfDy>(p, v, a, stream) : run<Scalar>(p, uncut(v), a, stream);
}

template <class T>
Extents extents(const ConvProblem& p) {
  Extents e = dgrad_extents(p);
  e.may_split = true;
  // A phase at a time is a launch for each, of other rows and another depth: no wave of all to cut.
  const bool together = side_by_side<T>(p);
  e.may_stream = together || (p.u == 1 && p.v == 1);
  if (!together) return e;
  const Phase rows = rows_together(p), columns = columns_together(p);
  e.rows = std::int64_t{p.n} * rows.cells * columns.cells;
  e.columns = std::int64_t{p.u} * p.v * p.c_per_group();
  e.depth = std::int64_t{rows.taps} * columns.taps * p.k_per_group();
  e.extra = p.x_shape().elements() - e.rows * e.columns * e.groups;  // cells outside of the image
  return e;
}

template <class Narrow, class Small, class... Larger>
Algorithm<ConvDgrad> algorithm(Math math) {
  using E = typename Narrow::Element;
  constexpr int kWidth = kPerAccess<E>;
  using Scalar = ScalarPass<Narrow, 1>;
  const auto vector = []<class P>(P*) { return gemm_kernel<ConvDgrad, P>(run_vector<P, Scalar>); };
  const auto left = []<class P>(P*) { return gemm_kernel<ConvDgrad, P>(run_left<P, Scalar>); };
  return implicit_gemm_algorithm<ConvDgrad>(
      {.math = math,
       .offered = kDgradEpilogues,
       .extents = extents<Narrow>,
       .in_vectors = in_vectors<Narrow>,
       .left_in_vectors = left_in_vectors<Narrow>,
       .vector = {vector(static_cast<VectorPass<Larger>*>(nullptr))...,
                  vector(static_cast<VectorPass<Small>*>(nullptr))},
       .left_vector = {left(static_cast<ScalarPass<Small, kWidth>*>(nullptr)),
                       left(static_cast<ScalarPass<Narrow, kWidth>*>(nullptr))},
       .scalar = {gemm_kernel<ConvDgrad, Scalar>(run<Scalar>)}});
}

using Built = TallTiles<Order::along, Order::across>;

template <class M>
Algorithm<ConvDgrad> on_tensor_cores() {
  return algorithm<Built::Narrow<M>, Built::Small<M>, Built::Large<M>, Built::Large96<M>,
                   Built::Slim<M>, Built::Medium<M>, Built::Medium96<M>>(M::kMath);
}

}  // namespace

Algorithm<ConvDgrad> conv_dgrad_implicit_gemm(Math math) {
  switch (math) {
    case Math::fp32:
      return algorithm<Built::Fp32Narrow, Built::Fp32Small, Built::Fp32Large>(math);
    case Math::tf32:
      return on_tensor_cores<Tf32Math>();
    case Math::bf16:
      return on_tensor_cores<Bf16Math>();
  }
  return {};
}

}  // namespace fovea::FOVEA_TARGET
