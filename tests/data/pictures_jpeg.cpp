// pictures_jpeg.cpp - JPEG by TurboJPEG.
#include <turbojpeg.h>

#include <algorithm>

#include "pictures.h"

namespace fovea::test {
namespace {

// Ink without black, inverted as Adobe's programs store it: the colour itself.
Bytes inverted_ink(const Image& image) {
  Bytes ink;
  for (std::size_t i = 0; i < image.pixels().size(); i += 3) {
    ink.insert(ink.end(), &image.pixels()[i], &image.pixels()[i] + 3);
    ink.push_back(255);
  }
  return ink;
}

}  // namespace

Bytes jpeg(const Image& image, JpegColour colour, bool progressive) {
  const bool ink = colour == JpegColour::ycck_adobe;
  const Bytes pixels = ink ? inverted_ink(image) : image.pixels();
  const int format = ink ? TJPF_CMYK : image.channels() == 1 ? TJPF_GRAY : TJPF_RGB;
  const int sampling = colour == JpegColour::grey ? TJSAMP_GRAY : TJSAMP_444;
  unsigned char* buffer = nullptr;
  unsigned long bytes = 0;
  tjhandle handle = tjInitCompress();
  const int status =
      tjCompress2(handle, pixels.data(), image.width(), 0, image.height(), format, &buffer, &bytes,
                  sampling, 95, TJFLAG_ACCURATEDCT | (progressive ? TJFLAG_PROGRESSIVE : 0));
  EXPECT_EQ(status, 0) << tjGetErrorStr2(handle);
  Bytes file(buffer, buffer + bytes);
  tjFree(buffer);
  tjDestroy(handle);
  return file;
}

Bytes without_adobe(const Bytes& jpeg) {
  constexpr std::uint8_t kMarker[] = {0xFF, 0xEE};
  const auto at = std::search(jpeg.begin(), jpeg.end(), std::begin(kMarker), std::end(kMarker));
  Bytes file(jpeg.begin(), at);
  if (at != jpeg.end()) file.insert(file.end(), at + 2 + at[2] * 256 + at[3], jpeg.end());
  return file;
}

}  // namespace fovea::test
