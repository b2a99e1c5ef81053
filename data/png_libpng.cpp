// png_libpng.cpp - libpng reports errors by a call that must not return: it jumps back to where
// reading started. The code that is jumped over (run) holds no object with a destructor.
#include <fovea/core/error.h>
#include <fovea/data/png.h>

#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

namespace fovea {
namespace {

// Text and colour profiles may unpack to this much; pixels are limited by their header.
constexpr png_alloc_size_t kMaxChunk = 1 << 24;

struct Source {
  const std::uint8_t* next;
  std::size_t left;
  char message[160];
};

void read_bytes(png_structp png, png_bytep to, std::size_t bytes) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (source->left < bytes) png_error(png, "the file is cut off");
  std::memcpy(to, source->next, bytes);
  source->next += bytes;
  source->left -= bytes;
}

void fail(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::snprintf(source->message, sizeof(source->message), "%s", message);
  png_longjmp(png, 1);
}

void stay_silent(png_structp, png_const_charp) {}

// Reads to 8 bits with 1 to 4 channels. `rows` has one pointer a row into `pixels`, which has room
// for four channels.
bool run(png_structp png, png_infop info, Source& source, std::uint8_t* pixels, png_bytepp rows,
         std::size_t height, int& channels) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_read_fn(png, &source, read_bytes);
  png_set_chunk_malloc_max(png, kMaxChunk);
  png_set_user_limits(png, kMaxImageExtent, kMaxImageExtent);
  png_read_info(png, info);
  png_set_expand(png);
  png_set_scale_16(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  channels = png_get_channels(png, info);
  const std::size_t row_bytes = png_get_rowbytes(png, info);
  for (std::size_t y = 0; y < height; ++y) rows[y] = pixels + y * row_bytes;
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  return true;
}

// Grey with alpha over white; other alpha is rgba8, which convert() lays over white.
void drop_grey_alpha(std::uint8_t* pixels, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned value = pixels[2 * i], alpha = pixels[2 * i + 1];
    pixels[i] = static_cast<std::uint8_t>((value * alpha + 255U * (255U - alpha) + 127U) / 255U);
  }
}

}  // namespace

Image decode_png(std::span<const std::uint8_t> bytes, const PngHeader& header,
                 const std::string& name) {
  const auto height = static_cast<std::size_t>(header.height);
  const std::size_t count = height * static_cast<std::size_t>(header.width);
  std::vector<std::uint8_t> pixels(count * (header.channels == 1 ? 2 : 4));
  std::vector<png_bytep> rows(height);
  Source source{bytes.data(), bytes.size(), "not enough memory"};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, fail, stay_silent);
  png_infop info = png != nullptr ? png_create_info_struct(png) : nullptr;
  int channels = 0;
  const bool whole =
      info != nullptr && run(png, info, source, pixels.data(), rows.data(), height, channels);
  png_destroy_read_struct(&png, &info, nullptr);
  if (!whole) throw FormatError(name + ": damaged PNG: " + source.message);
  if (channels == 2) drop_grey_alpha(pixels.data(), count);
  const PixelFormat format = channels <= 2   ? PixelFormat::grey8
                             : channels == 3 ? PixelFormat::rgb8
                                             : PixelFormat::rgba8;
  const std::int64_t row_bytes = static_cast<std::int64_t>(header.width) * bytes_per_pixel(format);
  return Image({pixels.data(), header.height, header.width, row_bytes, format}, header.channels);
}

bool reads_png() { return true; }

}  // namespace fovea
