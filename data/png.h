// png.h - PNG by libpng (png_libpng.cpp); where the build has none, its files are declined
// (png_none.cpp). Internal.
#pragma once

#include <fovea/data/image.h>

#include <cstdint>
#include <span>
#include <string>

namespace fovea {

/// Sizes from a PNG's first chunk.
struct PngHeader {
  int height = 0;
  int width = 0;
  int channels = 0;  // of the Image that it becomes: 1 for grey with or without alpha, else 3
};

/// Reads the header from a file's first 33 bytes. Returns an empty string, or what is wrong: one
/// clause.
std::string read_png_header(std::span<const std::uint8_t> head, PngHeader& header);

/// Decodes any PNG: 1 to 16 bits (16 scaled to 8), palette, interlaced; alpha and transparent
/// colours over white. Throws FormatError, with `name` in front, for data that is damaged or cut
/// off.
Image decode_png(std::span<const std::uint8_t> bytes, const PngHeader& header,
                 const std::string& name);

/// Whether this build decodes PNG.
bool reads_png();

}  // namespace fovea
