// transpose.h - kernels/cuda/transpose.h on any device. Internal.
#pragma once

#include <fovea/kernels/cuda/transpose.h>

namespace fovea {

/// Enqueues to[b][column][row] = from[b][row][column] on the device of `stream`. Throws Unsupported
/// where this build has no code for it.
void transpose(const MatrixBatch& m, const void* from, void* to, StreamView stream);

}  // namespace fovea
