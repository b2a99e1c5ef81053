// jpeg_header.h - what a JPEG file says before its first scan: size, components,
// orientation. Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace fovea {

/// Copies up to `bytes` bytes at `offset`; returns how many there were.
using ReadAt = std::function<std::size_t(std::int64_t offset, std::uint8_t* to, std::size_t bytes)>;

/// Sizes as stored, before the orientation is applied.
struct JpegHeader {
  int height = 0;
  int width = 0;
  int components = 0;
  int orientation = 1;  // Exif tag 0x0112, 1 .. 8
  bool adobe = false;   // has Adobe's APP14 segment: CMYK is stored inverted
};

/// Walks the segments of a JPEG up to its frame header. Returns an empty string, or what is wrong
/// with it: one clause.
std::string read_jpeg_header(const ReadAt& read, JpegHeader& header);

/// Exif orientation 1 .. 8 in the payload of an APP1 segment; 1 where there is none.
/// Format: JEITA CP-3451 (Exif 2.3), sections 4.5.4 and 4.6; TIFF 6.0 for the directory.
int exif_orientation(const std::uint8_t* payload, std::size_t bytes);

}  // namespace fovea
