// shared.h - shared memory: one struct a block, sized by the launch.
//
//   struct Smem { float x[16][17]; float w[64]; };     // in the kernel's tile type
//   auto& s = block_shared<typename T::Smem>();        // in the kernel; Launch::smem =
//   sizeof(Smem)
//
// Unwritten elements are NaN under emulation (-1 as integers). Static __shared__ variables do not
// exist there: they could not be checked.
#pragma once

#include <fovea/kernels/device/target.h>

#include <source_location>
#include <type_traits>

namespace fovea::FOVEA_TARGET {

/// Alignment of the block's shared memory; enough for 128-byte swizzled tiles.
inline constexpr int kSharedAlignment = 1024;

#ifdef FOVEA_EMULATED

/// The block's shared memory as a Smem; the same object for all threads of the block. Throws
/// DeviceError where the launch gave less.
template <class Smem>
Smem& block_shared(std::source_location at = std::source_location::current()) {
  static_assert(std::is_trivially_destructible_v<Smem> && alignof(Smem) <= kSharedAlignment);
  return *static_cast<Smem*>(emulator::Block::running().shared(sizeof(Smem), at));
}

#else

/// The block's shared memory as a Smem; the same object for all threads of the block.
template <class Smem>
__device__ __forceinline__ Smem& block_shared() {
  static_assert(std::is_trivially_destructible_v<Smem> && alignof(Smem) <= kSharedAlignment);
  extern __shared__ __align__(1024) unsigned char fovea_block_shared[];
  return *reinterpret_cast<Smem*>(fovea_block_shared);
}

#endif

}  // namespace fovea::FOVEA_TARGET
