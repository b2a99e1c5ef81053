// winograd_plan.h - Winograd's convolution F(4x4, 3x3) and F(4x4, 5x5) over NHWC tensors:
// transforms by winograd_loops.h, the products of all tiles by oneDNN's batched matrix product.
//
//   forward  u = G w G^T;        per chunk of tiles: v = B^T x B,  m = v u,   y = A^T m A
//   dgrad    the same with dy for x, w turned, and padding taps - 1 - padding
//   wgrad    per chunk of tiles: v = B^T x B,  d = G dy G^T,  du += d^T v;   dw = A^T du A
//
// Threads share the tiles. A chunk's v and m stay in a core's second-level cache.
#pragma once

#include <fovea/kernels/cpu/onednn/parts.h>
#include <fovea/kernels/cpu/onednn/winograd_loops.h>
#include <fovea/kernels/ops/conv.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fovea::onednn {

class WinogradPlan {
 public:
  /// r = s = 3 or 5, stride and dilation 1. Throws dnnl::error where there is no matrix product.
  WinogradPlan(Pass pass, const ConvProblem& p);

  /// Output tiles of the whole batch.
  static std::int64_t tiles(Pass pass, const ConvProblem& p);

  std::size_t workspace_bytes() const;
  /// The tensors of the pass in the order of its Args.
  void bind(std::span<void* const> externals, void* workspace);
  void run() const;

 private:
  /// One thread's place in the workspace, and its products, one a group.
  struct Part {
    float* v = nullptr;   // [places][chunk][in channels]
    float* m = nullptr;   // [places][chunk][out channels]; wgrad: the transformed dy
    float* du = nullptr;  // wgrad: [groups][places][k][c]
    float* db = nullptr;  // wgrad with +db: [k]
    std::vector<Program> products, sums;  // the first chunk's, and the later ones' of wgrad
  };

  Program product(bool accumulate) const;
  void run_tiles(const Part& part, int index) const;
  void run_gradient(const Part& part, int index) const;
  void transform_filters() const;
  void finish_gradient() const;
  TileRange range(std::int64_t first, std::int64_t count, int group, int channels) const;
  std::size_t part_floats() const;

  Pass pass_;
  ConvProblem p_;
  WinogradLoops loops_;
  int taps_, tile_;
  int in_channels_, out_channels_;  // of a group, as the tiles see them
  TiledPlanes in_, out_;            // wgrad: x and dy
  std::int64_t chunk_ = 0;
  std::int64_t in_place_ = 0, out_place_ = 0, u_place_ = 0;  // floats from one t to the next
  Split split_;
  std::vector<Part> parts_;
  const float* x_ = nullptr;  // dgrad: dy
  const float* w_ = nullptr;  // wgrad: dy
  float* u_ = nullptr;        // [groups][places][in channels][out channels]
  float* y_ = nullptr;        // dgrad: dx, wgrad: dw
  float* db_ = nullptr;
  TileEpilogue epilogue_;
};

}  // namespace fovea::onednn
