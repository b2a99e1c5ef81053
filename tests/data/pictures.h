// pictures.h - JPEG and PNG files made in memory.
#pragma once

#include <fovea/data/image.h>

#include <cstdint>
#include <vector>

#include "files.h"

namespace fovea::test {

/// A smooth picture, different for each seed, that JPEG keeps within a few steps.
Image gradient(int height, int width, int channels, int seed = 0);

/// The largest difference of two pictures of the same size; 256 if the sizes differ.
int largest_difference(const Image& a, const Image& b);

enum class JpegColour { grey, rgb, ycck_adobe };

/// A JPEG of quality 95 without subsampling; ycck_adobe: four inks without black, inverted.
Bytes jpeg(const Image& image, JpegColour colour, bool progressive = false);

/// The JPEG without its Adobe segment: then its components are ink as they stand.
Bytes without_adobe(const Bytes& jpeg);

/// The JPEG with an Exif segment that says this orientation.
Bytes with_orientation(const Bytes& jpeg, int orientation, bool little_endian = true);

enum class PngKind {
  grey8,
  grey1,
  grey16,
  grey_alpha,
  rgb8,
  rgb16,
  rgba8,
  palette,
  rgb_transparent
};

/// A PNG of the picture. grey1: value >= 128; the alpha kinds have alpha 255 but 0 in the first
/// pixel; palette: of up to 256 colours, those of the picture; rgb_transparent: the first pixel's
/// colour is transparent.
Bytes png(const Image& image, PngKind kind, bool interlaced = false);

}  // namespace fovea::test
