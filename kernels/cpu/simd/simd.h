// simd.h - engine `simd`: ops that are bound by memory, and convolutions of few channels, as loops
// of vector instructions of the CPU at hand. docs/kernels/simd.md and image_lanes.md tell how, and
// what was measured.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/registry.h>

#include <cstdint>
#include <string_view>

namespace fovea {

/// Instruction sets that each loop is compiled for: avx2 has FMA too. The results are the same to
/// the bit; convolutions need avx2.
enum class Isa : std::uint8_t { baseline, avx2, avx512 };

constexpr std::string_view name_of(Isa isa) {
  switch (isa) {
    case Isa::baseline:
      return "baseline";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
  }
  return "?";
}

/// The widest that this CPU and its operating system have.
FOVEA_API Isa best_isa();

/// Appends the algorithms of engine `simd`, compiled for `isa`: `loops` for every op that memory
/// bounds, `image_lanes` for convolutions of few channels.
FOVEA_API void add_simd_algorithms(Registry& registry, Isa isa = best_isa());

}  // namespace fovea
