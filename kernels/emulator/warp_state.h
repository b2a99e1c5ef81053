// warp_state.h - lanes of a warp on their way to a common operation.
#pragma once

#include <array>
#include <cstdint>
#include <source_location>

namespace fovea::emulator {

inline constexpr unsigned kWarpSize = 32;

/// Carries out one operation of a warp: operands[lane] for each lane in `mask`; called by the last
/// lane to come. May throw DeviceError.
using WarpOperation = void (*)(void* const* operands, unsigned mask);

/// What the lanes that wait have brought.
struct WarpState {
  unsigned arrived = 0;
  std::array<unsigned, kWarpSize> mask{};
  std::array<WarpOperation, kWarpSize> operation{};
  std::array<void*, kWarpSize> operand{};
  std::array<std::source_location, kWarpSize> at{};
};

}  // namespace fovea::emulator
