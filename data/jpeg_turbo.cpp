// jpeg_turbo.cpp - JPEG by TurboJPEG's interface (2.1 or later).
//
// libjpeg paints what is missing from a damaged file grey and only warns. Such a picture is
// refused; warnings that leave the picture whole are not: bytes between segments, odd version
// numbers. TurboJPEG tells only the first warning, and an error after a warning as a warning, so
// the first pass stops at any, and a second one is made where that was a harmless one.
#include <fovea/core/error.h>
#include <fovea/core/shape.h>
#include <fovea/data/jpeg.h>

#include <turbojpeg.h>

#include <memory>
#include <string_view>
#include <type_traits>

namespace fovea {
namespace {

struct Destroy {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Decompressor = std::unique_ptr<std::remove_pointer_t<tjhandle>, Destroy>;

int pixel_format(int components) {
  return components == 1 ? TJPF_GRAY : components == 3 ? TJPF_RGB : TJPF_CMYK;
}

bool harmless(std::string_view warning) {
  for (const char* text : {"extraneous bytes", "JFIF revision", "Adobe color transform"}) {
    if (warning.find(text) != std::string_view::npos) return true;
  }
  return false;
}

// Entropy-coded data holds no FF D9, so a file that was cut off has none after its headers.
bool has_end(std::span<const std::uint8_t> bytes) {
  bool scan = false;
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    if (bytes[i] != 0xFF) continue;
    scan = scan || bytes[i + 1] == 0xDA;
    if (scan && bytes[i + 1] == 0xD9) return true;
  }
  return false;
}

}  // namespace

JpegPixels decode_jpeg_pixels(std::span<const std::uint8_t> bytes, const JpegHeader& header,
                              int reduction, const std::string& name) {
  const Decompressor handle(tjInitDecompress());
  if (!handle) throw Error(name + ": TurboJPEG cannot start: " + tjGetErrorStr2(nullptr));
  const auto refuse = [&](const std::string& message) {
    throw FormatError(name + ": damaged JPEG: " + message);
  };
  int width = 0, height = 0, subsampling = 0, colours = 0;
  const auto size = static_cast<unsigned long>(bytes.size());
  if (tjDecompressHeader3(handle.get(), bytes.data(), size, &width, &height, &subsampling,
                          &colours) != 0) {
    refuse(tjGetErrorStr2(handle.get()));
  }
  if (width != header.width || height != header.height) refuse("two sizes in its header");
  const tjscalingfactor factor{1, reduction};
  JpegPixels pixels{TJSCALED(height, factor), TJSCALED(width, factor), {}};
  const std::int64_t row = checked_mul(pixels.width, header.components);
  pixels.values.resize(static_cast<std::size_t>(checked_mul(pixels.height, row)));
  // Progressive scans are limited so that a small file cannot keep the decoder busy for minutes.
  const int flags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS;
  const auto decode = [&](int more) {
    return tjDecompress2(handle.get(), bytes.data(), size, pixels.values.data(), pixels.width,
                         static_cast<int>(row), pixels.height, pixel_format(header.components),
                         flags | more);
  };
  if (decode(TJFLAG_STOPONWARNING) == 0) return pixels;
  std::string message = tjGetErrorStr2(handle.get());
  if (!harmless(message)) refuse(message);
  if (decode(0) != 0) message = tjGetErrorStr2(handle.get());
  if (!harmless(message)) refuse(message);
  if (!has_end(bytes)) refuse("it is cut off");
  return pixels;
}

bool reads_jpeg() { return true; }

}  // namespace fovea
