// png_none.cpp - a build without libpng.
#include <fovea/core/error.h>
#include <fovea/data/png.h>

namespace fovea {

Image decode_png(std::span<const std::uint8_t>, const PngHeader&, const std::string& name) {
  throw Unsupported(name + ": this build reads no PNG; install libpng-dev and build again");
}

bool reads_png() { return false; }

}  // namespace fovea
