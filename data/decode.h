// decode.h - a JPEG or PNG file becomes a picture. The kind is told by content, not by name.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/image.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace fovea {

struct DecodeOptions {
  /// Shorter side that the picture will be brought to: a larger JPEG is decoded at a half, a
  /// quarter or an eighth, as long as its shorter side stays at least twice this. 0: whole.
  int shorter_side = 0;
  /// Pixels that a picture may have: a small file can claim any size. 2^27 are 384 MiB of RGB.
  std::int64_t max_pixels = std::int64_t{1} << 27;
};

/// What a file's header says of its picture, upright (after the Exif orientation).
struct PictureInfo {
  int height = 0;
  int width = 0;
  int channels = 0;  // 1: grey, 3: RGB
};

/// Decodes a JPEG (grey, colour, CMYK; turned upright by its Exif orientation) or PNG (any depth;
/// alpha over white) to grey or RGB. `name` stands in front of messages. Throws FormatError for
/// data that is neither, damaged, cut off or too large; Unsupported where the build has no
/// library for the kind.
FOVEA_API Image decode(std::span<const std::uint8_t> bytes, const DecodeOptions& options,
                       const std::string& name);

/// The same for a file. InvalidArgument where it cannot be opened.
FOVEA_API Image read_picture(const std::filesystem::path& path, const DecodeOptions& options = {});

/// Looks at a file without decoding it: header, limits, and that its end is there. Returns an empty
/// string, or why it cannot be used: one clause for skipped.tsv..
FOVEA_API std::string probe(const std::filesystem::path& path, const DecodeOptions& options,
                            PictureInfo& info);

/// The same picture turned by an Exif orientation 1 .. 8.
FOVEA_API Image upright(Image image, int orientation);

}  // namespace fovea
