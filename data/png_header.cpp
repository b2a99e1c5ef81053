// png_header.cpp - signature and first chunk: W3C PNG, 5.2 and 11.2.2.
#include <fovea/data/big_endian.h>
#include <fovea/data/png.h>

#include <algorithm>
#include <array>

namespace fovea {

std::string read_png_header(std::span<const std::uint8_t> head, PngHeader& header) {
  constexpr std::array<std::uint8_t, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  constexpr std::array<std::uint8_t, 4> kFirstChunk{'I', 'H', 'D', 'R'};
  if (head.size() < 8 || !std::equal(kSignature.begin(), kSignature.end(), head.begin())) {
    return "not a PNG";
  }
  if (head.size() < 26) return "cut off in its header";
  if (!std::equal(kFirstChunk.begin(), kFirstChunk.end(), head.begin() + 12)) {
    return "damaged in its header";
  }
  const std::uint32_t width = big_endian(&head[16]), height = big_endian(&head[20]);
  if (width == 0 || height == 0) return "a PNG without size";
  if (width > kMaxImageExtent || height > kMaxImageExtent) {
    return "a PNG of " + std::to_string(height) + "x" + std::to_string(width) +
           ", too large to be read";
  }
  header.width = static_cast<int>(width);
  header.height = static_cast<int>(height);
  const bool colour_or_palette = (head[25] & 2) != 0;
  header.channels = colour_or_palette ? 3 : 1;
  return {};
}

}  // namespace fovea
