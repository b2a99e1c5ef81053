// ratio.h - of two counts, as reports give it. Internal to kernels/compare/.
#pragma once

#include <cstdint>

namespace fovea::compare {

/// 0 where nothing was counted.
inline double ratio(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

}  // namespace fovea::compare
