// jpeg.h - the library that decodes JPEG: libjpeg-turbo by its own interface (jpeg_turbo.cpp);
// where the build has none, JPEG files are declined (jpeg_none.cpp). Internal.
#pragma once

#include <fovea/data/jpeg_header.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace fovea {

/// Pixels as stored in the file, dense: {height, width, header.components}; grey, RGB or CMYK.
struct JpegPixels {
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> values;
};

/// Decodes at 1 / `reduction` (1, 2, 4, 8) of the size, extents rounded up. Throws FormatError,
/// with `name` in front, for data that is damaged or cut off.
JpegPixels decode_jpeg_pixels(std::span<const std::uint8_t> bytes, const JpegHeader& header,
                              int reduction, const std::string& name);

/// Whether this build decodes JPEG.
bool reads_jpeg();

}  // namespace fovea
