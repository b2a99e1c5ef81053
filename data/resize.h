// resize.h - pictures to the size a recipe stores: resize, centre crop, shorter side.
//
// Resizing is bilinear with the triangle widened by the scale when shrinking (every source pixel
// counts, no aliasing). All arithmetic is on integers, so the bits are the same on every machine.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/image.h>

#include <cstdint>
#include <vector>

namespace fovea {

/// Resizes pictures into dense uint8 {height, width, channels} blocks. Keeps its work space, so
/// that a series of pictures of similar size allocates nothing; one a thread.
class FOVEA_API Resizer {
 public:
  /// The whole picture stretched to height x width. Throws InvalidArgument for a bad view, extents
  /// below 1, or channels other than 1 and 3.
  void stretch(const ImageView& from, int height, int width, int channels, std::uint8_t* to);
  /// Scaled, keeping its proportions, so that it just covers height x width, then cropped to the
  /// centre: with height = width = S the recipe of Krizhevsky et al. 2012, section 2: the shorter
  /// side becomes S, the central S x S patch is kept. A picture of that very size is copied.
  void cover(const ImageView& from, int height, int width, int channels, std::uint8_t* to);

 private:
  // Weights of one axis: output i is the sum of weights[offset + j] * source[first + j].
  struct Taps {
    int first, count, offset;
  };
  struct Axis {
    std::vector<Taps> taps;
    std::vector<std::int16_t> weights;
    int begin = 0, end = 0;  // source range that any output needs
    void set(std::int64_t in, std::int64_t out, std::int64_t window_begin, int window);
    template <int Channels>
    std::uint8_t* apply(const std::int16_t* source, std::uint8_t* to) const;
  };
  // The height x width window at (top, left) of the picture scaled to full_h x full_w.
  void window(const ImageView& from, std::int64_t full_h, std::int64_t full_w, std::int64_t top,
              std::int64_t left, int height, int width, int channels, std::uint8_t* to);
  ImageView as_channels(const ImageView& from, int channels);

  Axis rows_, columns_;
  std::vector<std::int32_t> sum_;
  std::vector<std::int16_t> row_;
  std::vector<std::uint8_t> converted_;
};

/// Resizer::stretch into a new image.
FOVEA_API Image resize(const ImageView& from, int height, int width, int channels);
/// The central height x width of a picture at least that large; else InvalidArgument.
FOVEA_API Image centre_crop(const ImageView& from, int height, int width, int channels);
/// Resizer::cover into a new image: shorter side to `size`, centre size x size.
FOVEA_API Image shorter_side(const ImageView& from, int size, int channels);

}  // namespace fovea
