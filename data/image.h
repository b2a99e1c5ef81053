// image.h - pictures as 8-bit pixels: a caller's (ImageView) or our own (Image).
#pragma once

#include <fovea/core/api.h>

#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

/// Order of the bytes of one pixel.
enum class PixelFormat : std::uint8_t { grey8, rgb8, bgr8, rgba8 };

/// 1, 3, 3, 4.
constexpr int bytes_per_pixel(PixelFormat format) {
  return format == PixelFormat::grey8 ? 1 : format == PixelFormat::rgba8 ? 4 : 3;
}

/// A picture that somebody else owns. Pixel (y, x) starts at pixels + y * row_bytes +
/// x * bytes_per_pixel(format); row_bytes may be padded, or negative for rows from the bottom up.
struct ImageView {
  const std::uint8_t* pixels = nullptr;
  int height = 0;
  int width = 0;
  std::int64_t row_bytes = 0;
  PixelFormat format = PixelFormat::rgb8;

  const std::uint8_t* row(int y) const { return pixels + y * row_bytes; }
};

/// Longest side of a picture, in pixels: keeps the arithmetic of resizing within 64 bits.
inline constexpr int kMaxImageExtent = 1 << 20;

/// Throws InvalidArgument for a view without pixels, with a side below 1 or above kMaxImageExtent,
/// or whose rows overlap.
FOVEA_API void check(const ImageView& view);

/// A picture of our own: uint8 {height, width, channels}, dense; 1 channel (grey) or 3 (RGB).
class FOVEA_API Image {
 public:
  Image() = default;
  /// Black. Throws InvalidArgument for an extent below 1 or channels other than 1 and 3.
  Image(int height, int width, int channels);
  /// Takes `pixels`, {height, width, channels}. Throws InvalidArgument where their number is wrong.
  Image(int height, int width, int channels, std::vector<std::uint8_t> pixels);
  /// A copy of `view` with 1 or 3 channels: see convert().
  Image(const ImageView& view, int channels);

  int height() const { return height_; }
  int width() const { return width_; }
  int channels() const { return channels_; }
  bool empty() const { return pixels_.empty(); }
  std::int64_t row_bytes() const { return static_cast<std::int64_t>(width_) * channels_; }
  std::uint8_t* row(int y) { return pixels_.data() + y * row_bytes(); }
  const std::uint8_t* row(int y) const { return pixels_.data() + y * row_bytes(); }
  const std::vector<std::uint8_t>& pixels() const { return pixels_; }
  /// grey8 or rgb8; valid until the image changes, also after the image was moved.
  ImageView view() const;
  friend bool operator==(const Image&, const Image&) = default;

 private:
  int height_ = 0;
  int width_ = 0;
  int channels_ = 0;
  std::vector<std::uint8_t> pixels_;
};

/// Writes `view` as dense uint8 {height, width, channels} to `to`; channels 1 (grey) or 3 (RGB).
/// Colour becomes grey by the weights of ITU-R BT.601 (0.299, 0.587, 0.114), grey becomes colour
/// by three equal values, alpha is laid over white.
FOVEA_API void convert(const ImageView& view, int channels, std::uint8_t* to);

/// "28x28x1".
FOVEA_API std::string size_text(int height, int width, int channels);

}  // namespace fovea
