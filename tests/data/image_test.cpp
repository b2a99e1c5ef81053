// image_test.cpp - pixel formats, row pitches, resizing.
#include <fovea/core/error.h>
#include <fovea/data/image.h>
#include <fovea/data/resize.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "files.h"

namespace fovea {
namespace {

using test::Bytes;
using test::expect_error;

TEST(Image, ReadsEveryFormatAsRgbAndGrey) {
  const Bytes rgb{10, 20, 30, 40, 50, 60};
  const Bytes bgr{30, 20, 10, 60, 50, 40};
  const Bytes rgba{10, 20, 30, 255, 40, 50, 60, 255};
  const Image expected({rgb.data(), 1, 2, 6, PixelFormat::rgb8}, 3);
  EXPECT_EQ(expected.pixels(), rgb);
  EXPECT_EQ(Image({bgr.data(), 1, 2, 6, PixelFormat::bgr8}, 3), expected);
  EXPECT_EQ(Image({rgba.data(), 1, 2, 8, PixelFormat::rgba8}, 3), expected);
  // 0.299 * 10 + 0.587 * 20 + 0.114 * 30 = 18.15; 48.15.
  const Bytes grey{18, 48};
  EXPECT_EQ(Image({rgb.data(), 1, 2, 6, PixelFormat::rgb8}, 1).pixels(), grey);
  EXPECT_EQ(Image({bgr.data(), 1, 2, 6, PixelFormat::bgr8}, 1).pixels(), grey);
  EXPECT_EQ(Image({rgba.data(), 1, 2, 8, PixelFormat::rgba8}, 1).pixels(), grey);
  EXPECT_EQ(Image({grey.data(), 1, 2, 2, PixelFormat::grey8}, 3).pixels(),
            (Bytes{18, 18, 18, 48, 48, 48}));
}

TEST(Image, GreyStaysGreyThroughColour) {
  Bytes all(256);
  for (std::size_t i = 0; i < 256; ++i) all[i] = static_cast<std::uint8_t>(i);
  const Image colour({all.data(), 1, 256, 256, PixelFormat::grey8}, 3);
  EXPECT_EQ(Image(colour.view(), 1).pixels(), all);
}

TEST(Image, LaysAlphaOverWhite) {
  const Bytes rgba{0, 100, 200, 0, 0, 100, 200, 51};
  // 51 / 255 = 0.2: 0.2 * v + 0.8 * 255.
  EXPECT_EQ(Image({rgba.data(), 1, 2, 8, PixelFormat::rgba8}, 3).pixels(),
            (Bytes{255, 255, 255, 204, 224, 244}));
}

TEST(Image, FollowsPaddedAndBottomUpRows) {
  const Bytes padded{1, 2, 99, 3, 4, 99};
  EXPECT_EQ(Image({padded.data(), 2, 2, 3, PixelFormat::grey8}, 1).pixels(), (Bytes{1, 2, 3, 4}));
  EXPECT_EQ(Image({padded.data() + 3, 2, 2, -3, PixelFormat::grey8}, 1).pixels(),
            (Bytes{3, 4, 1, 2}));
}

TEST(Image, RefusesBadViews) {
  const Bytes pixels(12);
  using P = PixelFormat;
  expect_error<InvalidArgument>([] { check({nullptr, 2, 2, 6, P::rgb8}); }, {"without pixels"});
  expect_error<InvalidArgument>([&] { check({pixels.data(), 0, 2, 6, P::rgb8}); }, {"0x2"});
  expect_error<InvalidArgument>([&] { check({pixels.data(), 2, -1, 6, P::rgb8}); }, {"2x-1"});
  expect_error<InvalidArgument>(
      [&] {
        check({pixels.data(), 2, 2, 5, P::rgb8});
      },
      {"6 bytes", "row_bytes is 5"});
  expect_error<InvalidArgument>(
      [&] {
        check({pixels.data(), 1 << 21, 1, 1, P::grey8});
      },
      {"longest side"});
  expect_error<InvalidArgument>(
      [&] {
        Image({pixels.data(), 1, 1, 3, P::rgb8}, 2);
      },
      {"2 channels"});
  expect_error<InvalidArgument>([] { Image(1, 0, 3); }, {"1x0"});
}

// The filter in floating point, straight from its definition.
double triangle_resize(const Bytes& in, int n, int out, int o) {
  const double scale = static_cast<double>(n) / out, reach = std::max(1.0, scale);
  const double centre = (o + 0.5) * scale - 0.5;
  double sum = 0, weights = 0;
  for (int i = 0; i < n; ++i) {
    const double w = std::max(0.0, 1 - std::abs(i - centre) / reach);
    sum += w * in[static_cast<std::size_t>(i)];
    weights += w;
  }
  return sum / weights;
}

TEST(Resize, AgreesWithTheDefinitionAlongBothAxes) {
  for (const int n : {1, 2, 3, 7, 28, 100, 333}) {
    for (const int out : {1, 2, 5, 28, 64, 227}) {
      Bytes line(static_cast<std::size_t>(n));
      for (std::size_t i = 0; i < line.size(); ++i) {
        line[i] = static_cast<std::uint8_t>(i * 89 % 256);
      }
      const Image row = resize({line.data(), 1, n, n, PixelFormat::grey8}, 1, out, 1);
      const Image column = resize({line.data(), n, 1, 1, PixelFormat::grey8}, out, 1, 1);
      for (int o = 0; o < out; ++o) {
        const double expected = triangle_resize(line, n, out, o);
        // Half a step of rounding, a little for weights of 14 bits.
        EXPECT_NEAR(row.row(0)[o], expected, 0.6) << n << " -> " << out << " at " << o;
        EXPECT_NEAR(column.row(o)[0], expected, 0.6) << n << " -> " << out << " at " << o;
      }
    }
  }
}

TEST(Resize, TreatsChannelsAlike) {
  const Bytes grey = test::counting(19 * 23);
  const Image colour({grey.data(), 19, 23, 23, PixelFormat::grey8}, 3);
  const Image small = resize({grey.data(), 19, 23, 23, PixelFormat::grey8}, 8, 31, 1);
  EXPECT_EQ(resize(colour.view(), 8, 31, 3), Image(small.view(), 3));
}

TEST(Resize, KeepsOneColour) {
  for (const int value : {0, 1, 127, 254, 255}) {
    const Bytes flat(37 * 53 * 3, static_cast<std::uint8_t>(value));
    const Image out = resize({flat.data(), 37, 53, 53 * 3, PixelFormat::rgb8}, 90, 11, 3);
    for (const std::uint8_t v : out.pixels()) ASSERT_EQ(v, value);
  }
}

// An extremely long picture: only the window is computed, not the 16-million-pixel row.
TEST(Resize, CoverOfALongStripIsCheap) {
  const Bytes strip = test::counting(65535);
  const Image out = shorter_side({strip.data(), 1, 65535, 65535, PixelFormat::grey8}, 256, 1);
  EXPECT_EQ(out.height(), 256);
  EXPECT_EQ(out.width(), 256);
  // The middle pixel of the strip, 32767, fills the middle of the crop.
  EXPECT_NEAR(out.row(128)[128], strip[32767], 1);
}

TEST(Resize, ShorterSideThenCentre) {
  // 4 x 8, columns 0..7 each of one value: shorter side 4 is kept, the centre is columns 2..5.
  Bytes in;
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 8; ++x) in.push_back(static_cast<std::uint8_t>(x * 10));
  }
  const Image wide = shorter_side({in.data(), 4, 8, 8, PixelFormat::grey8}, 4, 1);
  const Image tall = shorter_side({in.data(), 8, 4, 4, PixelFormat::grey8}, 4, 1);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 4; ++x) {
      EXPECT_EQ(wide.row(y)[x], (x + 2) * 10);
      EXPECT_EQ(tall.row(y)[x], in[static_cast<std::size_t>((y + 2) * 4 + x)]);
    }
  }
}

TEST(Resize, CopiesAPictureOfTheRightSize) {
  const Bytes in = test::counting(28 * 28);
  EXPECT_EQ(shorter_side({in.data(), 28, 28, 28, PixelFormat::grey8}, 28, 1).pixels(), in);
}

TEST(CentreCrop, TakesTheMiddleAndRefusesMore) {
  const Bytes in = test::counting(5 * 7);
  const ImageView view{in.data(), 5, 7, 7, PixelFormat::grey8};
  EXPECT_EQ(centre_crop(view, 1, 3, 1).pixels(), (Bytes{16, 17, 18}));
  EXPECT_EQ(centre_crop(view, 5, 7, 1).pixels(), in);
  expect_error<InvalidArgument>([&] { centre_crop(view, 6, 7, 1); }, {"6x7", "5x7", "resize"});
  expect_error<InvalidArgument>([&] { resize(view, 0, 7, 1); }, {"0x7"});
  expect_error<InvalidArgument>([&] { resize(view, 2, 2, 4); }, {"4 channels"});
}

}  // namespace
}  // namespace fovea
