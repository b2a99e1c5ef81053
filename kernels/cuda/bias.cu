// bias.cu - a bias for each channel, and its gradient.
//
// add_rows: thread -> W consecutive elements of a row, 16 bytes where channels % W = 0 and the
//   addresses allow, else 1. 8 bytes per element, in bf16 4; the bias, which stays fp32, comes
//   from L1.
// column_sums: block -> 8 W columns of one chunk of rows; thread -> W columns, every 32nd row; for
//   W = 1 32 columns and every 8th row; then a tree over the threads of a column in shared memory.
//   One chunk: the sums are the gradient. More: partial sums [chunks, channels] go to the
//   workspace, and the same kernel sums those. The order of a sum follows from rows alone.
//   4 bytes per element, in bf16 2, and 8 for each partial sum: at most 1/256 of the elements have
//   one. Sums are fp32 throughout.
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/stateless.h>
#include <fovea/kernels/device/shared.h>
#include <fovea/kernels/cuda/pointwise.cuh>

#include <algorithm>

namespace fovea::FOVEA_TARGET {
namespace {

template <int W, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    add_rows(std::int64_t count, int channels, const T* x, const float* b, T* y) {
  const std::int64_t first = item_of_thread() * W;
  if (first >= count) return;  // W divides the count
  const auto c = column_of(first, channels);
  Vector<float, W> v = load_floats<W>(x + first);
  const Vector<float, W> bias = load_floats<W>(b + c);
  for (int l = 0; l < W; ++l) v[l] += bias[l];
  store_floats<W>(y + first, v);
}

template <int W>
struct ColumnTile {
  static constexpr int kThreads = 256;
  static constexpr int kColumns = W == 1 ? 32 : 8 * W;
  static constexpr int kLanes = kColumns / W;          // threads side by side
  static constexpr int kRowLanes = kThreads / kLanes;  // threads in a column
  struct Smem {
    Vector<float, W> sum[kRowLanes][kLanes];
  };
};

template <int W, class T>
__global__ void __launch_bounds__(ColumnTile<W>::kThreads)
    column_sums(std::int64_t rows, std::int64_t rows_per_chunk, int columns, const T* x,
                float* sums) {  // x[rows,columns] -> sums[chunks,columns]
  using Tile = ColumnTile<W>;
  auto& s = block_shared<typename Tile::Smem>();
  const int lane = static_cast<int>(threadIdx.x) % Tile::kLanes;
  const int row_lane = static_cast<int>(threadIdx.x) / Tile::kLanes;
  const int c = static_cast<int>(blockIdx.x) * Tile::kColumns + lane * W;
  const std::int64_t begin = blockIdx.y * rows_per_chunk;
  const std::int64_t end = begin + rows_per_chunk < rows ? begin + rows_per_chunk : rows;

  Vector<float, W> acc{};
  if (c < columns) {
    for (std::int64_t r = begin + row_lane; r < end; r += Tile::kRowLanes) {
      const Vector<float, W> v = load_floats<W>(x + r * columns + c);
      for (int l = 0; l < W; ++l) acc[l] += v[l];
    }
  }
  s.sum[row_lane][lane] = acc;
  for (int half = Tile::kRowLanes / 2; half > 0; half /= 2) {
    __syncthreads();  // sums of both halves visible
    if (row_lane < half) {
      for (int l = 0; l < W; ++l) s.sum[row_lane][lane][l] += s.sum[row_lane + half][lane][l];
    }
  }
  if (row_lane == 0 && c < columns) {
    store_floats<W>(sums + static_cast<std::int64_t>(blockIdx.y) * columns + c, s.sum[0][lane]);
  }
}

/// How the rows are cut; a function of their number alone.
struct Chunks {
  static constexpr std::int64_t kLeastRows = 256;  // a chunk's, so that its 32 row lanes add 8 each
  static constexpr std::int64_t kMost = 256;
  std::int64_t rows, count;
  explicit Chunks(std::int64_t total)
      : rows{std::max<std::int64_t>(kLeastRows, ceil_div(total, kMost))},
        count{ceil_div(total, rows)} {}
};

template <int W, class T>
void run_column_sums(std::int64_t rows, std::int64_t rows_per_chunk, int columns, const T* x,
                     float* sums, StreamView stream) {
  using Tile = ColumnTile<W>;
  const Launch l{.grid = {ceil_div(columns, Tile::kColumns), ceil_div(rows, rows_per_chunk)},
                 .block = {Tile::kThreads, 1, 1},
                 .smem = sizeof(typename Tile::Smem)};
  launch(column_sums<W, T>, l, stream, rows, rows_per_chunk, columns, x, sums);
}

template <int W, class T>
void run_gradient_by(const BiasProblem& p, const T* dy, float* partial, float* db,
                     StreamView stream) {
  constexpr int kOfSums = W == 1 ? 1 : kPerAccess<float>;
  const Chunks chunks(p.rows);
  if (chunks.count == 1) {
    run_column_sums<W>(p.rows, chunks.rows, p.channels, dy, db, stream);
    return;
  }
  run_column_sums<W>(p.rows, chunks.rows, p.channels, dy, partial, stream);
  run_column_sums<kOfSums>(chunks.count, chunks.count, p.channels, partial, db, stream);
}

void run_add_bias(const BiasProblem& p, const AddBias::Args& a, StreamView stream) {
  const std::int64_t count = checked_mul(p.rows, p.channels);
  if (count == 0) return;
  by_type(a.x, [&]<class T>(T) {
    const auto* x = a.x.as<T>();
    const auto* b = a.b.as<float>();
    auto* y = a.y.as<T>();
    by_width<T>(p.channels, allow_vectors(x, b, y), [&]<int W>(Width<W>) {
      launch(add_rows<W, T>, launch_for(count / W), stream, count, p.channels, x, b, y);
    });
  });
}

std::size_t gradient_workspace(const BiasProblem& p) {
  const Chunks chunks(p.rows);
  if (chunks.count <= 1) return 0;
  return static_cast<std::size_t>(checked_mul(chunks.count, p.channels)) * sizeof(float);
}

void run_gradient(const BiasProblem& p, const BiasGradient::Args& a, StreamView stream) {
  by_type(a.dy, [&]<class T>(T) {
    const auto* dy = a.dy.as<T>();
    auto* db = a.db.as<float>();
    auto* partial = static_cast<float*>(a.context.workspace);
    by_width<T>(p.channels, allow_vectors(dy, db, partial),
                [&]<int W>(Width<W>) { run_gradient_by<W>(p, dy, partial, db, stream); });
  });
}

}  // namespace

Algorithm<AddBias> add_bias() {
  return make_algorithm<AddBias>({.name = "vector", .run = run_add_bias});
}
Algorithm<BiasGradient> bias_gradient() {
  return make_algorithm<BiasGradient>(
      {.name = "two_stage", .run = run_gradient, .workspace = gradient_workspace});
}

}  // namespace fovea::FOVEA_TARGET
