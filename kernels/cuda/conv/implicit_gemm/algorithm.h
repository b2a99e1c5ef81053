// algorithm.h - how implicit_gemm's kernels become an algorithm for each pass and math mode: which
// tiles a problem and a device allow, best prediction first (tile/variant.h).
#pragma once

#include <fovea/kernels/cuda/conv/direct_tiled.h>
#include <fovea/kernels/cuda/conv/implicit_gemm/kernel.h>
#include <fovea/kernels/cuda/conv/implicit_gemm/tiles.h>
#include <fovea/kernels/cuda/factories.h>
#include <fovea/kernels/cuda/tile/tiled_algorithm.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace fovea::FOVEA_TARGET {

/// Types of tiles.
template <class... Ts>
struct TileList {};

/// Whether a thread keeps its pixels in registers (gather.h): on tensor cores, where reading them
/// from shared memory for each slice takes a tenth of its time. In fp32 the registers serve more.
template <class T, int Width>
inline constexpr bool kKeepsPixels = (T::kSize.math != Math::fp32) && Width > 1;

/// Whether kernels of such tiles may copy images 16 bytes at a time: those that keep pixels take
/// few taps, and longer filters go an element at a time.
template <class T>
bool images_in_vectors(const ConvProblem& p) {
  return !kKeepsPixels<T, kPerAccess<typename T::Element>> ||
         (p.r <= kMostFewTaps && p.s <= kMostFewTaps);
}

/// A pass in one math mode.
template <class Op>
struct GemmKernels {
  Math math = Math::fp32;
  Epilogue offered;
  Extents (*extents)(const typename Op::Problem&) = nullptr;
  /// Whether the problem allows copies of 16 bytes: of both operands; of the left one, where that
  /// has kernels of its own.
  bool (*in_vectors)(const typename Op::Problem&) = nullptr;
  bool (*left_in_vectors)(const typename Op::Problem&) = nullptr;
  std::vector<TiledKernel<Op>> vector, left_vector = {}, scalar;
};

/// Kernel P, launched by `run`, as an entry of those lists.
template <class Op, class P>
TiledKernel<Op> gemm_kernel(void (*run)(const typename Op::Problem&, const TiledVariant&,
                                        const typename Op::Args&, StreamView)) {
  TileSize tile = P::Tile::kSize;
  tile.shared_bytes = sizeof(GemmShared<P>);
  return {tile, run};
}

/// The variant for the scalar kernel, to which tensors go that are not aligned as their extents
/// allow: its tiles are others, so stream-K's cuts and slots are not its; all are whole then.
inline TiledVariant uncut(const TiledVariant& v) { return {v.tile, v.splits}; }

template <class Op>
const std::vector<TiledKernel<Op>>& kernels_for(const GemmKernels<Op>& k,
                                                const typename Op::Problem& p) {
  if (k.in_vectors(p)) return k.vector;
  return k.left_in_vectors && k.left_in_vectors(p) ? k.left_vector : k.scalar;
}

/// Those for the problem that fit the device's shared memory; 0 bytes: not known.
template <class Op>
TiledKernels<Op> fitting(const GemmKernels<Op>& k, const typename Op::Problem& p,
                         const DeviceInfo& device) {
  std::vector<TiledKernel<Op>> kernels = kernels_for(k, p);
  const std::size_t most = device.shared_bytes_per_block;
  std::erase_if(kernels, [most](const TiledKernel<Op>& kernel) {
    return most != 0 && kernel.tile.shared_bytes > most;
  });
  return {k.extents, std::move(kernels)};
}

template <class Op>
Algorithm<Op> implicit_gemm_algorithm(GemmKernels<Op> k) {
  using Problem = typename Op::Problem;
  Algorithm<Op> a;
  a.engine = kEngine;
  a.name = "implicit_gemm";
  a.devices = kTarget;
  a.math = k.math;
  a.can_run = [k](const Problem& p, const DeviceInfo& device) {
    if (const Verdict v = covers(k.offered, p.epilogue); !v) return v;
    if (fitting(k, p, device).empty()) return Verdict::no("too little shared memory");
    return fits_grid(p);
  };
  a.variants = [k](const Problem& p, const DeviceInfo& device, const Limits& limits) {
    return fitting(k, p, device).variants(p, limits);
  };
  a.prepare = [k](const Problem& p, const Variant& v, const DeviceInfo& device) {
    return fitting(k, p, device).prepare(p, v);
  };
  return a;
}

}  // namespace fovea::FOVEA_TARGET
