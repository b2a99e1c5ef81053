// tiled_algorithm.h - how a kernel template and its instantiations become an algorithm: one variant
// a tile and split or cut (variant.h), best prediction first.
#pragma once

#include <fovea/kernels/cuda/epilogue.h>
#include <fovea/kernels/cuda/target.h>
#include <fovea/kernels/cuda/tile/variant.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fovea::FOVEA_TARGET {

/// One instantiation: its tile, and its launcher for a variant of it.
template <class Op>
struct TiledKernel {
  TileSize tile;
  void (*run)(const typename Op::Problem&, const TiledVariant&, const typename Op::Args&,
              StreamView);
};

/// The TileSize of a Tile.
template <class T>
inline constexpr TileSize kTileSize{T::BM, T::BN, T::TM, T::TN};

/// A kernel template as an algorithm of engine fovea.
template <class Op>
class TiledKernels {
 public:
  using Problem = typename Op::Problem;

  TiledKernels(Extents (*extents)(const Problem&), std::vector<TiledKernel<Op>> kernels)
      : extents_{extents}, kernels_{std::move(kernels)} {
    for (const TiledKernel<Op>& k : kernels_) tiles_.push_back(k.tile);
  }

  bool empty() const { return kernels_.empty(); }

  std::vector<Variant> variants(const Problem& p, const Limits& limits) const {
    std::vector<Variant> names;
    for (const TiledVariant& v : tiled_variants(extents_(p), tiles_, limits)) {
      names.push_back(to_string(v));
    }
    return names;
  }

  /// "" stands for the best.
  std::unique_ptr<Prepared<typename Op::Args>> prepare(const Problem& p,
                                                       const Variant& name) const {
    const Extents e = extents_(p);
    const TiledVariant v =
        name.empty() ? tiled_variants(e, tiles_, Limits{}).front() : parse_tiled(name, tiles_);
    if (!can_cut(e, v)) {
      throw InvalidArgument("variant '" + name + "' of " + to_string(p) + ": a reduction over " +
                            std::to_string(e.depth) + " is not split like this");
    }
    std::size_t i = 0;
    while (!(kernels_[i].tile == v.tile)) ++i;
    const auto run = kernels_[i].run;
    return prepared<Op>(
        p,
        [run, v](const Problem& problem, const typename Op::Args& args, StreamView stream) {
          run(problem, v, args, stream);
        },
        workspace_bytes(e, v));
  }

 private:
  Extents (*extents_)(const Problem&);
  std::vector<TiledKernel<Op>> kernels_;
  std::vector<TileSize> tiles_;
};

/// `limits` says what beyond epilogues the kernel declines.
template <class Op>
Algorithm<Op> tiled_algorithm(std::string name, const Epilogue& offered,
                              Verdict (*limits)(const typename Op::Problem&),
                              const TiledKernels<Op>& kernels) {
  using Problem = typename Op::Problem;
  Algorithm<Op> a;
  a.engine = kEngine;
  a.name = std::move(name);
  a.devices = kTarget;
  a.can_run = [offered, limits](const Problem& p, const DeviceInfo&) {
    const Verdict v = covers(offered, p.epilogue);
    return v ? limits(p) : v;
  };
  a.variants = [kernels](const Problem& p, const DeviceInfo&, const Limits& l) {
    return kernels.variants(p, l);
  };
  a.prepare = [kernels](const Problem& p, const Variant& v, const DeviceInfo&) {
    return kernels.prepare(p, v);
  };
  return a;
}

}  // namespace fovea::FOVEA_TARGET
