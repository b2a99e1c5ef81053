// transpose.cu - many matrices turned at once, by tiles in shared memory.
// Block  -> 32 x 32 elements of one matrix, 256 threads, four elements each.
// Reuse  -> none: each element is read once and written once, both coalesced.
// Limits -> elements of 4 or 2 bytes; a row of the tile is padded to an odd number of words, so
// that
//           neither direction has bank conflicts.
#include <fovea/core/error.h>
#include <fovea/kernels/cuda/target.h>
#include <fovea/kernels/cuda/transpose.h>
#include <fovea/kernels/device/shared.h>

#include <cstdint>

namespace fovea::FOVEA_TARGET {
namespace {

template <class T>
struct Tile {
  static constexpr int kSide = 32, kRows = 8, kThreads = kSide * kRows;
  struct Smem {
    T x[kSide][kSide + 4 / sizeof(T)];
  };
};

template <class T>
__global__ void __launch_bounds__(Tile<T>::kThreads)
    transpose(int rows, int columns, unsigned down, unsigned across, const T* from, T* to) {
  using Tl = Tile<T>;
  auto& s = block_shared<typename Tl::Smem>();
  const unsigned tile = blockIdx.x % (down * across);
  const std::int64_t matrix = std::int64_t{blockIdx.x / (down * across)} * rows * columns;
  const int row0 = static_cast<int>(tile / across) * Tl::kSide;
  const int column0 = static_cast<int>(tile % across) * Tl::kSide;
  const int lane = static_cast<int>(threadIdx.x) % Tl::kSide;
  const int first = static_cast<int>(threadIdx.x) / Tl::kSide;
  for (int i = first; i < Tl::kSide; i += Tl::kRows) {
    if (row0 + i >= rows || column0 + lane >= columns) continue;
    s.x[i][lane] = from[matrix + std::int64_t{row0 + i} * columns + column0 + lane];
  }
  __syncthreads();  // the tile is there
  for (int i = first; i < Tl::kSide; i += Tl::kRows) {
    if (column0 + i >= columns || row0 + lane >= rows) continue;
    to[matrix + std::int64_t{column0 + i} * rows + row0 + lane] = s.x[lane][i];
  }
}

template <class T>
void run(const MatrixBatch& m, const void* from, void* to, StreamView stream) {
  using Tl = Tile<T>;
  const unsigned down = ceil_div(m.rows, Tl::kSide), across = ceil_div(m.columns, Tl::kSide);
  const std::int64_t blocks = m.batch * down * across;
  const Launch l{
      .grid = {ceil_div(blocks, 1)}, .block = {Tl::kThreads}, .smem = sizeof(typename Tl::Smem)};
  launch(transpose<T>, l, stream, m.rows, m.columns, down, across, static_cast<const T*>(from),
         static_cast<T*>(to));
}

}  // namespace

void run_transpose(const MatrixBatch& m, const void* from, void* to, StreamView stream) {
  if (m.batch == 0 || m.rows == 0 || m.columns == 0) return;
  switch (m.element_bytes) {
    case 4:
      return run<std::uint32_t>(m, from, to, stream);
    case 2:
      return run<std::uint16_t>(m, from, to, stream);
    default:
      throw InvalidArgument("elements of " + std::to_string(m.element_bytes) +
                            " bytes cannot be turned: 4 or 2");
  }
}

}  // namespace fovea::FOVEA_TARGET
