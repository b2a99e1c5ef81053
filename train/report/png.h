// png.h - small pictures made by us, as PNG and base64. Internal to train/report/.
#pragma once

#include <fovea/core/shape.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fovea::report {

/// 8-bit RGB, row major.
struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
};

/// PNG bytes, not compressed.
std::string encode_png(const Picture& picture);
std::string base64(const std::string& bytes);

/// A k x r x s x c filter bank as a grid of tiles, one pixel a weight, a filter stretched to its
/// own range; colour where c = 3, else grey by the mean over channels.
Picture filter_grid(std::span<const float> weights, const Shape& krsc);

}  // namespace fovea::report
