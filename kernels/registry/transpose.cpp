#include <fovea/core/error.h>
#include <fovea/kernels/cpu/host_algorithm.h>
#include <fovea/kernels/registry/transpose.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace fovea {
namespace {

// Squares of rows and columns, so that both sides stay in the nearest cache.
template <class T>
void turn(const MatrixBatch& m, const T* from, T* to) {
  constexpr int kSide = 32;
  const std::int64_t size = std::int64_t{m.rows} * m.columns;
  parallel(m.batch, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      for (int i0 = 0; i0 < m.rows; i0 += kSide) {
        for (int j0 = 0; j0 < m.columns; j0 += kSide) {
          for (int j = j0; j < std::min(j0 + kSide, m.columns); ++j) {
            for (int i = i0; i < std::min(i0 + kSide, m.rows); ++i) {
              to[b * size + std::int64_t{j} * m.rows + i] =
                  from[b * size + std::int64_t{i} * m.columns + j];
            }
          }
        }
      }
    }
  });
}

void turn_on_host(const MatrixBatch& m, const void* from, void* to) {
  if (m.element_bytes == 2) {
    return turn(m, static_cast<const std::uint16_t*>(from), static_cast<std::uint16_t*>(to));
  }
  turn(m, static_cast<const std::uint32_t*>(from), static_cast<std::uint32_t*>(to));
}

}  // namespace

void transpose(const MatrixBatch& m, const void* from, void* to, StreamView stream) {
  switch (stream.device().kind()) {
    case DeviceKind::cpu:
      return stream.enqueue_in_place([m, from, to] { turn_on_host(m, from, to); });
    case DeviceKind::emulated:
      if constexpr (FOVEA_HAS_EMULATOR) return emu::run_transpose(m, from, to, stream);
      break;
    case DeviceKind::cuda:
      if constexpr (FOVEA_HAS_CUDA) return gpu::run_transpose(m, from, to, stream);
      break;
  }
  throw Unsupported("this build cannot convert layouts on " + to_string(stream.device()));
}

}  // namespace fovea
