// tiled.cu - the fully connected layer, fp32: one matrix product, tiled in shared memory,
// register-blocked, double-buffered; forward, input gradient, weight and bias gradient.
// Block  -> BM x BN outputs over one part of the reduction; thread -> TM x TN of them.
//           forward  y[m,n]  = x[m,k] w[n,k]^T     both operands along the reduction
//           dgrad    dx[m,k] = dy[m,n] w[n,k]      the right one across
//           wgrad    dw[n,k] = dy[m,n]^T x[m,k]    both across
// Split  -> with few outputs the reduction goes in `splits` parts through the workspace, added in
//           order by tile/reduce.cu, which then applies the epilogue. The variant names the split.
// Reuse  -> a staged element of the left operand serves BN outputs, of the right one BM.
// Limits -> none; 16 x 128 serves few rows, where the weights are read once and that is all.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/tile/matrix.h>
#include <fovea/kernels/cuda/tile/product.h>
#include <fovea/kernels/cuda/tile/reduce.h>
#include <fovea/kernels/cuda/tile/store.h>
#include <fovea/kernels/cuda/tile/tiled_algorithm.h>
#include <fovea/kernels/device/launch.h>
#include <fovea/kernels/device/shared.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {
namespace {

/// An operand: its rows and how far apart they lie, or how far apart the reduction's indices lie.
struct Operand {
  const float* data = nullptr;
  unsigned pitch = 0;
};

/// The product that a launch computes, and where its results go.
struct Product {
  Operand a, b;
  int rows = 0, columns = 0;
  unsigned depth = 0, part = 0;  // of the reduction: all, and of one part
  float* out = nullptr;          // [parts, rows, columns]
  float* row_sums = nullptr;     // [parts, rows]: of a, over the reduction; nullptr: not wanted
  bool vectors = false;          // stores of vectors are aligned

  std::int64_t count() const { return std::int64_t{rows} * columns; }
};

template <class Matrix>
__device__ __forceinline__ Matrix tile_of(const Operand& from, int first, int rows, unsigned end) {
  return {from.data + first * (std::is_same_v<Matrix, AlongMatrix> ? std::int64_t{from.pitch} : 1),
          rows - first, from.pitch, end};
}

/// Finish of forward: bias and activation.
struct FinishForward {
  static constexpr bool kSumsRows = false;
  ForwardEpilogue epilogue;
  __device__ __forceinline__ float operator()(float sum, const float*, std::int64_t,
                                              int column) const {
    return epilogue.linear(sum, column);
  }
  __device__ __forceinline__ bool goes_on() const { return epilogue.goes_on(); }
  __device__ __forceinline__ float rest(float v, std::int64_t at) const {
    return epilogue.rest(v, at);
  }
};

/// Finish of dgrad: mask, and what dx held.
struct FinishDgrad {
  static constexpr bool kSumsRows = false;
  DgradEpilogue<float> epilogue;
  __device__ __forceinline__ float operator()(float sum, const float* out, std::int64_t at,
                                              int) const {
    return epilogue(sum, out, at);
  }
  __device__ __forceinline__ bool goes_on() const { return false; }
  __device__ __forceinline__ float rest(float v, std::int64_t) const { return v; }
};

/// Finish of wgrad: what dw held. Rows of dy are summed beside: the bias gradient.
struct FinishWgrad {
  static constexpr bool kSumsRows = true;
  bool accumulate;
  __device__ __forceinline__ float operator()(float sum, const float* out, std::int64_t at,
                                              int) const {
    return accumulate ? out[at] + sum : sum;
  }
  __device__ __forceinline__ bool goes_on() const { return false; }
  __device__ __forceinline__ float rest(float v, std::int64_t) const { return v; }
};

template <class T>
struct Shared {
  typename T::Stage stage[2];
  typename RowSum<T>::Sums row_sum;
};

/// Blocks of an SM: scalar loads need registers for more addresses, and would spill.
template <class T, int Width>
constexpr int kBlocks = Width == 4 || T::kBlocks == 1 ? T::kBlocks : T::kBlocks - 1;

// a[rows, depth], b[columns, depth] (or turned) -> out[parts, rows, columns]; grid (tiles, parts)
template <class T, class A, class B, int Width, class Finish>
__global__ void __launch_bounds__(T::kThreads, kBlocks<T, Width>)
    multiply(const __grid_constant__ Product p, const __grid_constant__ TileGrid tiles,
             const __grid_constant__ Finish finish) {
  auto& s = block_shared<Shared<T>>();
  const int first_row = static_cast<int>(tiles.row_tile(blockIdx.x)) * T::BM;
  const int first_column = static_cast<int>(tiles.column_tile(blockIdx.x)) * T::BN;
  const unsigned begin = blockIdx.y * p.part;
  const unsigned end = p.depth - begin > p.part ? begin + p.part : p.depth;

  const A a = tile_of<A>(p.a, first_row, p.rows, end);
  const B b = tile_of<B>(p.b, first_column, p.columns, end);
  using LoadA = typename A::template Load<T::BM, T::BK, T::kThreads, Width>;
  using LoadB = typename B::template Load<T::BN, T::BK, T::kThreads, Width>;
  typename T::Accumulators acc = {};
  const bool sums_rows = Finish::kSumsRows && p.row_sums != nullptr && first_column == 0;
  const RowSum<T> row_sum(s.row_sum, sums_rows);
  accumulate_product<T, LoadA, LoadB>(s.stage, a, b, begin, end, acc, row_sum);

  float* out = p.out + blockIdx.y * (std::int64_t{p.rows} * p.columns);
  const auto index = [&](int row, int column) {
    return std::int64_t{first_row + row} * p.columns + first_column + column;
  };
  T::for_each_vector(acc, [&](int row, int column, const auto& sum) {
    if (row >= a.rows) return;
    const std::int64_t at = index(row, column);
    store_each(out + at, sum, b.rows - column, p.vectors,
               [&](float v, int l) { return finish(v, out, at + l, first_column + column + l); });
  });
  if (finish.goes_on()) {
    T::for_each_output([&](int row, int column) {
      if (row >= a.rows || column >= b.rows) return;
      const std::int64_t at = index(row, column);
      out[at] = finish.rest(out[at], at);
    });
  }
  const int row = static_cast<int>(threadIdx.x);
  if (!row_sum.active() || row >= a.rows) return;
  const std::int64_t at = first_row + row;
  float* sums = p.row_sums + blockIdx.y * std::int64_t{p.rows};
  sums[at] = finish(row_sum.sum(), sums, at, 0);
}

template <class T, class A, class B, int Width, class Finish>
void run(const Product& p, int parts, const Finish& finish, StreamView stream) {
  const TileGrid tiles(p.rows, p.columns, T::BM, T::BN);
  const Launch l{.grid = {tiles.count(), static_cast<unsigned>(parts)},
                 .block = {T::kThreads},
                 .smem = sizeof(Shared<T>)};
  launch(multiply<T, A, B, Width, Finish>, l, stream, p, tiles, finish);
}

/// Launches the product: vectors wherever both operands allow them.
template <class T, class A, class B, class Finish>
void run_product(Product p, int parts, const Finish& finish, StreamView stream) {
  p.part = static_cast<unsigned>(part_length(p.depth, parts));
  p.vectors = p.columns % 4 == 0 && is_aligned(p.out, 16);
  // Rows that lie along the reduction need its length in vectors, rows across it their number.
  const auto in_vectors = [](const Operand& o) {
    return o.pitch % 4 == 0 && is_aligned(o.data, 16);
  };
  if (in_vectors(p.a) && in_vectors(p.b)) {
    run<T, A, B, 4>(p, parts, finish, stream);
  } else {
    run<T, A, B, 1>(p, parts, finish, stream);
  }
}

template <class T>
void run_forward(const LinearProblem& problem, const TiledVariant& v,
                 const LinearForward::Args& args, StreamView stream) {
  const int splits = v.splits;
  const auto depth = static_cast<unsigned>(problem.k);
  Product p{.a = {args.x.as<float>(), depth},
            .b = {args.w.as<float>(), depth},
            .rows = problem.m,
            .columns = problem.n,
            .depth = depth,
            .out = args.y.as<float>()};
  const ForwardEpilogue epilogue = forward_epilogue(problem, args);
  if (splits == 1) {
    run_product<T, AlongMatrix, AlongMatrix>(p, 1, FinishForward{epilogue}, stream);
    return;
  }
  p.out = static_cast<float*>(args.context.workspace);
  run_product<T, AlongMatrix, AlongMatrix>(p, splits, FinishForward{}, stream);
  run_reduce({p.out, p.count(), splits}, args.y.as<float>(), problem.n, epilogue, stream);
}

template <class T>
void run_dgrad(const LinearProblem& problem, const TiledVariant& v, const LinearDgrad::Args& args,
               StreamView stream) {
  const int splits = v.splits;
  Product p{.a = {args.dy.as<float>(), static_cast<unsigned>(problem.n)},
            .b = {args.w.as<float>(), static_cast<unsigned>(problem.k)},
            .rows = problem.m,
            .columns = problem.k,
            .depth = static_cast<unsigned>(problem.n),
            .out = args.dx.as<float>()};
  const DgradEpilogue<float> epilogue = dgrad_epilogue(problem.epilogue, args.mask);
  if (splits == 1) {
    run_product<T, AlongMatrix, AcrossMatrix>(p, 1, FinishDgrad{epilogue}, stream);
    return;
  }
  p.out = static_cast<float*>(args.context.workspace);
  run_product<T, AlongMatrix, AcrossMatrix>(p, splits, FinishDgrad{}, stream);
  run_reduce({p.out, p.count(), splits}, args.dx.as<float>(), epilogue, stream);
}

template <class T>
void run_wgrad(const LinearProblem& problem, const TiledVariant& v, const LinearWgrad::Args& args,
               StreamView stream) {
  const int splits = v.splits;
  float* const db = problem.epilogue.db ? args.db.as<float>() : nullptr;
  Product p{.a = {args.dy.as<float>(), static_cast<unsigned>(problem.n)},
            .b = {args.x.as<float>(), static_cast<unsigned>(problem.k)},
            .rows = problem.n,
            .columns = problem.k,
            .depth = static_cast<unsigned>(problem.m),
            .out = args.dw.as<float>(),
            .row_sums = db};
  const bool accumulate = problem.epilogue.acc;
  if (splits == 1) {
    run_product<T, AcrossMatrix, AcrossMatrix>(p, 1, FinishWgrad{accumulate}, stream);
    return;
  }
  p.out = static_cast<float*>(args.context.workspace);
  if (db != nullptr) p.row_sums = p.out + splits * p.count();
  run_product<T, AcrossMatrix, AcrossMatrix>(p, splits, FinishWgrad{}, stream);
  run_reduce({p.out, p.count(), splits}, args.dw.as<float>(), accumulate, stream);
  if (db != nullptr) run_reduce({p.row_sums, p.rows, splits}, db, accumulate, stream);
}

Extents forward_extents(const LinearProblem& p) {
  return {.rows = p.m, .columns = p.n, .depth = p.k, .may_split = true};
}
Extents dgrad_extents(const LinearProblem& p) {
  return {.rows = p.m, .columns = p.k, .depth = p.n, .may_split = true};
}
Extents wgrad_extents(const LinearProblem& p) {
  return {.rows = p.n,
          .columns = p.k,
          .depth = p.m,
          .extra = p.epilogue.db ? p.n : 0,
          .may_split = true};
}

Verdict no_limit(const LinearProblem&) { return {}; }

using Large = Tile<128, 128, 8, 8, 2>;
using Small = Tile<64, 64, 8, 4, 4>;
using Flat = Tile<16, 128, 4, 4, 5>;  // few rows: a batch below 64

}  // namespace

Algorithm<LinearForward> linear_forward_tiled() {
  return tiled_algorithm<LinearForward>("tiled", kForwardEpilogues, no_limit,
                                        {forward_extents,
                                         {{kTileSize<Large>, run_forward<Large>},
                                          {kTileSize<Small>, run_forward<Small>},
                                          {kTileSize<Flat>, run_forward<Flat>}}});
}

Algorithm<LinearDgrad> linear_dgrad_tiled() {
  return tiled_algorithm<LinearDgrad>("tiled", kDgradEpilogues, no_limit,
                                      {dgrad_extents,
                                       {{kTileSize<Large>, run_dgrad<Large>},
                                        {kTileSize<Small>, run_dgrad<Small>},
                                        {kTileSize<Flat>, run_dgrad<Flat>}}});
}

Algorithm<LinearWgrad> linear_wgrad_tiled() {
  return tiled_algorithm<LinearWgrad>(
      "tiled", kWgradEpilogues, no_limit,
      {wgrad_extents,
       {{kTileSize<Large>, run_wgrad<Large>}, {kTileSize<Small>, run_wgrad<Small>}}});
}

}  // namespace fovea::FOVEA_TARGET
