// image.cpp - pixel formats to grey or RGB.
#include <fovea/core/error.h>
#include <fovea/core/shape.h>
#include <fovea/data/image.h>

#include <cstdlib>
#include <cstring>
#include <utility>

namespace fovea {
namespace {

// BT.601 in 16 fractional bits; the weights add up to 65536, so that grey stays grey.
std::uint8_t luma(unsigned r, unsigned g, unsigned b) {
  return static_cast<std::uint8_t>((19595U * r + 38470U * g + 7471U * b + 32768U) >> 16);
}

std::uint8_t over_white(unsigned value, unsigned alpha) {
  return static_cast<std::uint8_t>((value * alpha + 255U * (255U - alpha) + 127U) / 255U);
}

struct Rgb {
  std::uint8_t r, g, b;
};

template <PixelFormat F>
Rgb load(const std::uint8_t* p) {
  if constexpr (F == PixelFormat::grey8) return {p[0], p[0], p[0]};
  if constexpr (F == PixelFormat::rgb8) return {p[0], p[1], p[2]};
  if constexpr (F == PixelFormat::bgr8) return {p[2], p[1], p[0]};
  if constexpr (F == PixelFormat::rgba8) {
    return {over_white(p[0], p[3]), over_white(p[1], p[3]), over_white(p[2], p[3])};
  }
}

template <PixelFormat F>
void convert_row(const std::uint8_t* from, int width, int channels, std::uint8_t* to) {
  for (int x = 0; x < width; ++x, from += bytes_per_pixel(F), to += channels) {
    const Rgb v = load<F>(from);
    if (channels == 1) {
      to[0] = F == PixelFormat::grey8 ? v.r : luma(v.r, v.g, v.b);
    } else {
      to[0] = v.r;
      to[1] = v.g;
      to[2] = v.b;
    }
  }
}

bool same_bytes(PixelFormat format, int channels) {
  return (format == PixelFormat::grey8 && channels == 1) ||
         (format == PixelFormat::rgb8 && channels == 3);
}

void check_channels(int channels) {
  if (channels != 1 && channels != 3) {
    throw InvalidArgument("image: " + std::to_string(channels) +
                          " channels; give 1 (grey) or 3 (RGB)");
  }
}

void check_extents(int height, int width, int channels) {
  check_channels(channels);
  if (height < 1 || width < 1) {
    throw InvalidArgument("image: " + std::to_string(height) + "x" + std::to_string(width) +
                          "; both extents must be at least 1");
  }
}

std::int64_t pixel_bytes(int height, int width, int channels) {
  return checked_mul(height, checked_mul(width, channels));
}

}  // namespace

void check(const ImageView& view) {
  if (view.pixels == nullptr || view.height < 1 || view.width < 1) {
    throw InvalidArgument("image view: " + std::to_string(view.height) + "x" +
                          std::to_string(view.width) +
                          (view.pixels == nullptr ? " without pixels" : "") +
                          "; give pixels and extents of at least 1");
  }
  if (view.height > kMaxImageExtent || view.width > kMaxImageExtent) {
    throw InvalidArgument("image view: " + std::to_string(view.height) + "x" +
                          std::to_string(view.width) + "; the longest side allowed is " +
                          std::to_string(kMaxImageExtent));
  }
  const std::int64_t least = checked_mul(view.width, bytes_per_pixel(view.format));
  if (view.height > 1 && std::llabs(view.row_bytes) < least) {
    throw InvalidArgument("image view: rows of " + std::to_string(view.width) + " pixels need " +
                          std::to_string(least) + " bytes, row_bytes is " +
                          std::to_string(view.row_bytes));
  }
}

Image::Image(int height, int width, int channels)
    : height_{height}, width_{width}, channels_{channels} {
  check_extents(height, width, channels);
  pixels_.resize(static_cast<std::size_t>(pixel_bytes(height, width, channels)));
}

Image::Image(int height, int width, int channels, std::vector<std::uint8_t> pixels)
    : height_{height}, width_{width}, channels_{channels}, pixels_{std::move(pixels)} {
  check_extents(height, width, channels);
  if (static_cast<std::int64_t>(pixels_.size()) != pixel_bytes(height, width, channels)) {
    throw InvalidArgument("image: " + std::to_string(pixels_.size()) + " bytes for " +
                          size_text(height, width, channels));
  }
}

Image::Image(const ImageView& view, int channels) : Image(view.height, view.width, channels) {
  check(view);
  convert(view, channels, pixels_.data());
}

ImageView Image::view() const {
  return {pixels_.data(), height_, width_, row_bytes(),
          channels_ == 1 ? PixelFormat::grey8 : PixelFormat::rgb8};
}

void convert(const ImageView& view, int channels, std::uint8_t* to) {
  check_channels(channels);
  const std::int64_t row_bytes = static_cast<std::int64_t>(view.width) * channels;
  if (same_bytes(view.format, channels)) {
    if (view.row_bytes == row_bytes) {
      std::memcpy(to, view.pixels, static_cast<std::size_t>(row_bytes * view.height));
      return;
    }
    for (int y = 0; y < view.height; ++y, to += row_bytes) {
      std::memcpy(to, view.row(y), static_cast<std::size_t>(row_bytes));
    }
    return;
  }
  for (int y = 0; y < view.height; ++y, to += row_bytes) {
    const std::uint8_t* from = view.row(y);
    switch (view.format) {
      case PixelFormat::grey8:
        convert_row<PixelFormat::grey8>(from, view.width, channels, to);
        break;
      case PixelFormat::rgb8:
        convert_row<PixelFormat::rgb8>(from, view.width, channels, to);
        break;
      case PixelFormat::bgr8:
        convert_row<PixelFormat::bgr8>(from, view.width, channels, to);
        break;
      case PixelFormat::rgba8:
        convert_row<PixelFormat::rgba8>(from, view.width, channels, to);
        break;
    }
  }
}

std::string size_text(int height, int width, int channels) {
  return std::to_string(height) + "x" + std::to_string(width) + "x" + std::to_string(channels);
}

}  // namespace fovea
