// transpose.h - many matrices of one size turned at once: what it takes to go from NHWC to NCHW and
// back. Launchers; kernels/registry/transpose.h has the door for any device.
#pragma once

#include <fovea/core/stream.h>

#include <cstddef>
#include <cstdint>

namespace fovea {

/// [batch][rows][columns], one after the other.
struct MatrixBatch {
  std::int64_t batch = 0;
  int rows = 0, columns = 0;
  std::size_t element_bytes = 4;  // 4 or 2
};

namespace emu {
/// Enqueues to[b][column][row] = from[b][row][column].
void run_transpose(const MatrixBatch& m, const void* from, void* to, StreamView stream);
}  // namespace emu
namespace emu_counted {
void run_transpose(const MatrixBatch& m, const void* from, void* to, StreamView stream);
}  // namespace emu_counted
namespace gpu {
void run_transpose(const MatrixBatch& m, const void* from, void* to, StreamView stream);
}  // namespace gpu

}  // namespace fovea
