// decode.cpp - tells JPEG from PNG, decodes, turns upright, makes grey or RGB of it.
#include <fovea/core/error.h>
#include <fovea/data/decode.h>
#include <fovea/data/file.h>
#include <fovea/data/jpeg.h>
#include <fovea/data/jpeg_header.h>
#include <fovea/data/png.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace fovea {
namespace {

bool looks_like_jpeg(std::span<const std::uint8_t> head) {
  return head.size() >= 3 && head[0] == 0xFF && head[1] == 0xD8 && head[2] == 0xFF;
}

bool looks_like_png(std::span<const std::uint8_t> head) {
  return head.size() >= 4 && head[0] == 0x89 && head[1] == 'P' && head[2] == 'N' && head[3] == 'G';
}

std::string other_kind(std::span<const std::uint8_t> head) {
  const auto starts = [&](const char* text) {
    const std::size_t n = std::strlen(text);
    return head.size() >= n && std::memcmp(head.data(), text, n) == 0;
  };
  const auto has = [&](std::size_t at, const char* text) {
    const std::size_t n = std::strlen(text);
    return head.size() >= at + n && std::memcmp(head.data() + at, text, n) == 0;
  };
  if (head.empty()) return "empty";
  if (starts("GIF8")) return "a GIF, neither JPEG nor PNG";
  if (starts("RIFF") && has(8, "WEBP")) return "a WebP, neither JPEG nor PNG";
  if (starts("BM")) return "a BMP, neither JPEG nor PNG";
  if (starts("II*") || (starts("MM") && has(3, "*"))) return "a TIFF, neither JPEG nor PNG";
  if (has(4, "ftyphei") || has(4, "ftypmif1")) return "a HEIC, neither JPEG nor PNG";
  if (has(4, "ftypavif")) return "an AVIF, neither JPEG nor PNG";
  return "neither JPEG nor PNG";
}

std::string too_large(int height, int width, const DecodeOptions& options) {
  if (static_cast<std::int64_t>(height) * width <= options.max_pixels) return {};
  return std::to_string(height) + "x" + std::to_string(width) + " are more than the " +
         std::to_string(options.max_pixels) + " pixels allowed";
}

// 1, 2, 4 or 8: the largest that leaves the shorter side at twice what is wanted.
int reduction(const JpegHeader& header, int shorter_side) {
  if (shorter_side <= 0) return 1;
  int denominator = 8;
  const std::int64_t side = std::min(header.height, header.width);
  while (denominator > 1 && side < std::int64_t{2} * shorter_side * denominator) denominator /= 2;
  return denominator;
}

// CMYK without a colour profile: each ink darkens on its own. Adobe's programs store it inverted.
Image from_cmyk(const JpegPixels& cmyk, bool inverted) {
  Image image(cmyk.height, cmyk.width, 3);
  const std::uint8_t* in = cmyk.values.data();
  std::uint8_t* out = image.row(0);
  const std::size_t count = cmyk.values.size() / 4;
  const unsigned flip = inverted ? 0U : 255U;
  for (std::size_t i = 0; i < count; ++i, in += 4) {
    for (int channel = 0; channel < 3; ++channel) {
      *out++ = static_cast<std::uint8_t>(((in[channel] ^ flip) * (in[3] ^ flip) + 127U) / 255U);
    }
  }
  return image;
}

ReadAt reader(std::span<const std::uint8_t> bytes) {
  return [bytes](std::int64_t at, std::uint8_t* to, std::size_t n) {
    const auto from = static_cast<std::size_t>(at);
    if (from >= bytes.size()) return std::size_t{0};
    n = std::min(n, bytes.size() - from);
    std::memcpy(to, bytes.data() + from, n);
    return n;
  };
}

Image decode_jpeg(std::span<const std::uint8_t> bytes, const DecodeOptions& options,
                  const std::string& name) {
  JpegHeader header;
  std::string wrong = read_jpeg_header(reader(bytes), header);
  if (wrong.empty()) wrong = too_large(header.height, header.width, options);
  if (!wrong.empty()) throw FormatError(name + ": " + wrong);
  JpegPixels pixels =
      decode_jpeg_pixels(bytes, header, reduction(header, options.shorter_side), name);
  if (header.components == 4) return upright(from_cmyk(pixels, header.adobe), header.orientation);
  return upright(Image(pixels.height, pixels.width, header.components, std::move(pixels.values)),
                 header.orientation);
}

Image decode_whole_png(std::span<const std::uint8_t> bytes, const DecodeOptions& options,
                       const std::string& name) {
  PngHeader header;
  std::string wrong = read_png_header(bytes, header);
  if (wrong.empty()) wrong = too_large(header.height, header.width, options);
  if (!wrong.empty()) throw FormatError(name + ": " + wrong);
  return decode_png(bytes, header, name);
}

bool jpeg_end(std::span<const std::uint8_t> tail) {
  for (std::size_t i = 0; i + 1 < tail.size(); ++i) {
    if (tail[i] == 0xFF && tail[i + 1] == 0xD9) return true;
  }
  return false;
}

bool png_end(std::span<const std::uint8_t> tail) {
  constexpr std::uint8_t kEnd[] = {'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};  // with its CRC
  return std::search(tail.begin(), tail.end(), std::begin(kEnd), std::end(kEnd)) != tail.end();
}

std::string probe_open_file(const RandomAccessFile& file, const DecodeOptions& options,
                            PictureInfo& info) {
  std::uint8_t head[64];
  const std::span<const std::uint8_t> start(head, file.read(0, head, sizeof(head)));
  std::string wrong;
  const bool jpeg = looks_like_jpeg(start);
  if (jpeg) {
    JpegHeader header;
    wrong = read_jpeg_header(
        [&](std::int64_t at, std::uint8_t* to, std::size_t n) { return file.read(at, to, n); },
        header);
    if (wrong.empty() && !reads_jpeg()) wrong = "a JPEG, which this build does not read";
    const bool turned = header.orientation >= 5;
    info = {turned ? header.width : header.height, turned ? header.height : header.width,
            header.components == 1 ? 1 : 3};
  } else if (looks_like_png(start)) {
    PngHeader header;
    wrong = read_png_header(start, header);
    if (wrong.empty() && !reads_png()) wrong = "a PNG, which this build does not read";
    info = {header.height, header.width, header.channels};
  } else {
    return other_kind(start);
  }
  if (wrong.empty()) wrong = too_large(info.height, info.width, options);
  if (!wrong.empty()) return wrong;
  // A file that was cut off has no end marker. Where that is not within the last bytes something
  // may follow it (a phone's video of the moment): only decoding tells.
  std::uint8_t tail[4096];
  const std::int64_t from = std::max<std::int64_t>(0, file.bytes() - std::int64_t{sizeof(tail)});
  const std::span<const std::uint8_t> end(tail, file.read(from, tail, sizeof(tail)));
  if (jpeg ? jpeg_end(end) : png_end(end)) return {};
  static_cast<void>(
      read_picture(file.path(), {.shorter_side = 1, .max_pixels = options.max_pixels}));
  return {};
}

}  // namespace

Image decode(std::span<const std::uint8_t> bytes, const DecodeOptions& options,
             const std::string& name) {
  if (looks_like_jpeg(bytes)) return decode_jpeg(bytes, options, name);
  if (looks_like_png(bytes)) return decode_whole_png(bytes, options, name);
  throw FormatError(name + ": " + other_kind(bytes.first(std::min<std::size_t>(64, bytes.size()))));
}

Image read_picture(const std::filesystem::path& path, const DecodeOptions& options) {
  return decode(read_file(path), options, path.string());
}

std::string probe(const std::filesystem::path& path, const DecodeOptions& options,
                  PictureInfo& info) {
  try {
    const RandomAccessFile file(path);
    return probe_open_file(file, options, info);
  } catch (const std::exception& e) {
    // The path stands in a column of its own.
    const std::string message = e.what(), prefix = path.string() + ": ";
    return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
  }
}

// Pixel (y, x) of the result is pixel (h-1-y | y, w-1-x | x) of the picture, exchanged for 5 to 8:
// Exif 2.3, table 6.
Image upright(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const int h = image.height(), w = image.width(), channels = image.channels();
  const bool exchanged = orientation >= 5;
  const bool flip_rows =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool flip_columns =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  Image out(exchanged ? w : h, exchanged ? h : w, channels);
  for (int y = 0; y < out.height(); ++y) {
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < out.width(); ++x, to += channels) {
      const int row = exchanged ? x : y, column = exchanged ? y : x;
      const std::uint8_t* from = image.row(flip_rows ? h - 1 - row : row) +
                                 (flip_columns ? w - 1 - column : column) * channels;
      std::copy_n(from, channels, to);
    }
  }
  return out;
}

}  // namespace fovea
