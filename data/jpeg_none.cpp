// jpeg_none.cpp - a build without a JPEG library.
#include <fovea/core/error.h>
#include <fovea/data/jpeg.h>

namespace fovea {

JpegPixels decode_jpeg_pixels(std::span<const std::uint8_t>, const JpegHeader&, int,
                              const std::string& name) {
  throw Unsupported(name + ": this build reads no JPEG; install libturbojpeg0-dev and build again");
}

bool reads_jpeg() { return false; }

}  // namespace fovea
