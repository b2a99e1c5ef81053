// pictures.cpp - PNG by libpng, and what needs no library.
#include "pictures.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>

namespace fovea::test {
namespace {

void append(png_structp png, png_bytep data, png_size_t bytes) {
  auto* to = static_cast<Bytes*>(png_get_io_ptr(png));
  to->insert(to->end(), data, data + bytes);
}

// Rows of the file for a kind, from a grey or RGB picture.
class Encoder {
 public:
  Encoder(const Image& image, PngKind kind) : image_{image}, kind_{kind} {}

  int depth() const {
    return kind_ == PngKind::grey1                               ? 1
           : kind_ == PngKind::grey16 || kind_ == PngKind::rgb16 ? 16
                                                                 : 8;
  }
  int colour_type() const {
    switch (kind_) {
      case PngKind::grey8:
      case PngKind::grey1:
      case PngKind::grey16:
        return PNG_COLOR_TYPE_GRAY;
      case PngKind::grey_alpha:
        return PNG_COLOR_TYPE_GRAY_ALPHA;
      case PngKind::rgba8:
        return PNG_COLOR_TYPE_RGB_ALPHA;
      case PngKind::palette:
        return PNG_COLOR_TYPE_PALETTE;
      default:
        return PNG_COLOR_TYPE_RGB;
    }
  }

  Bytes row(int y) {
    Bytes bytes;
    for (int x = 0; x < image_.width(); ++x) {
      const std::uint8_t* p = image_.row(y) + x * image_.channels();
      const std::uint8_t alpha = x == 0 && y == 0 ? 0 : 255;
      switch (kind_) {
        case PngKind::grey1:
          if (x % 8 == 0) bytes.push_back(0);
          if (p[0] >= 128) bytes.back() |= static_cast<std::uint8_t>(0x80 >> (x % 8));
          break;
        case PngKind::palette:
          bytes.push_back(index_of(p));
          break;
        default:
          for (int c = 0; c < image_.channels(); ++c) {
            bytes.push_back(p[c]);
            if (depth() == 16) bytes.push_back(p[c]);  // v * 257: scales back to v
          }
          if (kind_ == PngKind::grey_alpha || kind_ == PngKind::rgba8) bytes.push_back(alpha);
      }
    }
    return bytes;
  }

  std::uint8_t index_of(const std::uint8_t* p) {
    const std::array<std::uint8_t, 3> colour{p[0], p[1], p[2]};
    const auto [at, added] = indices_.try_emplace(colour, indices_.size());
    if (added) palette_.push_back({p[0], p[1], p[2]});
    return static_cast<std::uint8_t>(at->second);
  }
  const std::vector<png_color>& palette() const { return palette_; }

 private:
  const Image& image_;
  PngKind kind_;
  std::map<std::array<std::uint8_t, 3>, std::size_t> indices_;
  std::vector<png_color> palette_;
};

Bytes tiff_number(unsigned value, int bytes, bool little) {
  Bytes number;
  for (int i = 0; i < bytes; ++i) {
    const int shift = 8 * (little ? i : bytes - 1 - i);
    number.push_back(static_cast<std::uint8_t>(value >> shift));
  }
  return number;
}

}  // namespace

Image gradient(int height, int width, int channels, int seed) {
  Image image(height, width, channels);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        const int value =
            40 + seed * 17 % 60 + (c == 1 ? y * 100 / height : x * 100 / width) + c * 20;
        image.row(y)[x * channels + c] = static_cast<std::uint8_t>(value % 256);
      }
    }
  }
  return image;
}

int largest_difference(const Image& a, const Image& b) {
  if (a.height() != b.height() || a.width() != b.width() || a.channels() != b.channels())
    return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels().size(); ++i) {
    largest = std::max(largest, std::abs(a.pixels()[i] - b.pixels()[i]));
  }
  return largest;
}

Bytes with_orientation(const Bytes& jpeg, int orientation, bool little) {
  Bytes exif{'E', 'x', 'i', 'f', 0, 0};
  const auto add = [&](unsigned value, int bytes) {
    const Bytes number = tiff_number(value, bytes, little);
    exif.insert(exif.end(), number.begin(), number.end());
  };
  for (int twice = 0; twice < 2; ++twice) exif.push_back(little ? 'I' : 'M');
  add(42, 2);
  add(8, 4);                                        // the directory follows
  add(2, 2);                                        // entries
  add(0x010F, 2), add(2, 2), add(1, 4), add(0, 4);  // maker: empty
  add(0x0112, 2), add(3, 2), add(1, 4);
  add(static_cast<unsigned>(orientation), 2), add(0, 2);
  add(0, 4);  // no further directory
  Bytes out{0xFF, 0xD8, 0xFF, 0xE1};
  const std::size_t length = exif.size() + 2;
  out.push_back(static_cast<std::uint8_t>(length >> 8));
  out.push_back(static_cast<std::uint8_t>(length));
  out.insert(out.end(), exif.begin(), exif.end());
  out.insert(out.end(), jpeg.begin() + 2, jpeg.end());
  return out;
}

Bytes png(const Image& image, PngKind kind, bool interlaced) {
  Encoder encoder(image, kind);
  std::vector<Bytes> rows;
  for (int y = 0; y < image.height(); ++y) rows.push_back(encoder.row(y));
  std::vector<png_bytep> pointers;
  for (Bytes& r : rows) pointers.push_back(r.data());
  Bytes file;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &file, append, nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width()),
               static_cast<png_uint_32>(image.height()), encoder.depth(), encoder.colour_type(),
               interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (kind == PngKind::palette) {
    png_set_PLTE(png, info, encoder.palette().data(), static_cast<int>(encoder.palette().size()));
  }
  if (kind == PngKind::rgb_transparent) {
    png_color_16 colour{};
    colour.red = image.row(0)[0];
    colour.green = image.row(0)[1];
    colour.blue = image.row(0)[2];
    png_set_tRNS(png, info, nullptr, 0, &colour);
  }
  png_write_info(png, info);
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return file;
}

}  // namespace fovea::test
