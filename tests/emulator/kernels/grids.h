// grids.h - kernels about the shape of a launch.
#pragma once

#include <fovea/core/stream.h>

#include <cstddef>

namespace fovea {

/// A launch's extents, in plain numbers.
struct Extents {
  unsigned grid[3] = {1, 1, 1};
  unsigned block[3] = {1, 1, 1};
  std::size_t smem = 0;
};

namespace emu {
/// Adds 1 to count[i] for each thread, i = its place in the grid, blocks and threads x fastest.
void run_count(const Extents& extents, int* count, StreamView stream);
/// total[0] += 1 for each thread, by an integer atomic.
void run_atomic_count(const Extents& extents, int* total, StreamView stream);
/// The last block to come writes the sum of all blocks' numbers: sum[0] = 0 + 1 + ... + blocks - 1.
void run_last_block(int blocks, int* partial, unsigned* arrived, int* sum, StreamView stream);
/// y[i] = depth of a recursion of `depth` frames of 64 floats, for 64 threads with a barrier
/// inside.
void run_deep(int depth, float* y, StreamView stream);
/// y[t] = 1 + 2 + 3 for 64 threads, from a struct that a function returned into shared memory.
void run_returned(int* y, StreamView stream);
}  // namespace emu

namespace gpu {
void run_count(const Extents& extents, int* count, StreamView stream);
void run_atomic_count(const Extents& extents, int* total, StreamView stream);
void run_last_block(int blocks, int* partial, unsigned* arrived, int* sum, StreamView stream);
void run_deep(int depth, float* y, StreamView stream);
void run_returned(int* y, StreamView stream);
}  // namespace gpu

}  // namespace fovea
