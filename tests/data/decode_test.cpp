// decode_test.cpp - every kind of JPEG and PNG, and damaged ones.
#include <fovea/core/error.h>
#include <fovea/core/philox.h>
#include <fovea/data/decode.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "pictures.h"

namespace fovea {
namespace {

using test::Bytes;
using test::expect_error;
using test::gradient;
using test::JpegColour;
using test::largest_difference;
using test::PngKind;

Image decoded(const Bytes& bytes, const DecodeOptions& options = {}) {
  return decode(bytes, options, "test");
}

// A lossy step or two of each of quantisation, colour conversion and rounding at quality 95.
constexpr int kJpegStep = 8;

TEST(Jpeg, ReadsGreyAndColourBaselineAndProgressive) {
  for (const bool progressive : {false, true}) {
    const Image colour = gradient(37, 53, 3), grey = gradient(37, 53, 1);
    EXPECT_LE(largest_difference(decoded(test::jpeg(colour, JpegColour::rgb, progressive)), colour),
              kJpegStep);
    EXPECT_LE(largest_difference(decoded(test::jpeg(grey, JpegColour::grey, progressive)), grey),
              kJpegStep);
  }
}

TEST(Jpeg, ReadsInkStraightAndInverted) {
  const Image colour = gradient(24, 40, 3);
  const Bytes adobe = test::jpeg(colour, JpegColour::ycck_adobe);
  EXPECT_LE(largest_difference(decoded(adobe), colour), kJpegStep);
  // Of a grey picture of value v the file holds luminance v, no colour, no black: as ink this is
  // v parts of cyan and one half each of magenta and yellow, over black paper (K = 255 inverted).
  const Image grey(24, 40, 3, Bytes(24 * 40 * 3, 200));
  const Image ink = decoded(test::without_adobe(test::jpeg(grey, JpegColour::ycck_adobe)));
  EXPECT_EQ(largest_difference(ink, Image(24, 40, 3)), 0);
}

TEST(Jpeg, TurnsUprightByExif) {
  const Image stored = gradient(16, 24, 3);
  const Bytes plain = test::jpeg(stored, JpegColour::rgb);
  const Image straight = decoded(plain);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool little : {true, false}) {
      const Image turned = decoded(test::with_orientation(plain, orientation, little));
      EXPECT_EQ(turned, upright(straight, orientation)) << orientation;
      EXPECT_EQ(turned.height(), orientation < 5 ? 16 : 24);
    }
  }
  for (const int nonsense : {0, 9, 65535}) {
    EXPECT_EQ(decoded(test::with_orientation(plain, nonsense)), straight);
  }
}

// Row 0 and column 0 of the stored picture lie at these sides when upright (Exif 2.3, table 6).
TEST(Upright, FollowsTheExifTable) {
  const Image stored(2, 3, 1, {1, 2, 3, 4, 5, 6});
  const std::vector<Bytes> expected{{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1},
                                    {4, 5, 6, 1, 2, 3}, {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3},
                                    {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(upright(stored, orientation).pixels(),
              expected[static_cast<std::size_t>(orientation - 1)])
        << orientation;
  }
}

TEST(Jpeg, DecodesSmallerWhereThatIsEnough) {
  const Bytes file = test::jpeg(gradient(160, 240, 3), JpegColour::rgb);
  const auto side = [&](int wanted) { return decoded(file, {.shorter_side = wanted}).height(); };
  EXPECT_EQ(side(0), 160);
  EXPECT_EQ(side(81), 160);
  EXPECT_EQ(side(41), 160);
  EXPECT_EQ(side(40), 80);
  EXPECT_EQ(side(20), 40);
  EXPECT_EQ(side(10), 20);
  EXPECT_EQ(side(1), 20) << "an eighth at least";
  const Image half = decoded(file, {.shorter_side = 40});
  EXPECT_EQ(half.width(), 120);
  EXPECT_LE(largest_difference(half, gradient(80, 120, 3)), kJpegStep);
}

TEST(Jpeg, RefusesWhatIsCutOff) {
  for (const bool progressive : {false, true}) {
    const Bytes whole = test::jpeg(gradient(40, 40, 3), JpegColour::rgb, progressive);
    for (std::size_t n = 0; n + 2 < whole.size(); n += n < 700 ? 1 : 7) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<long>(n));
      expect_error<FormatError>([&] { decoded(cut); }, {"test: "});
    }
  }
}

TEST(Jpeg, ReadsOnThroughTrailingBytes) {
  const Image colour = gradient(20, 20, 3);
  Bytes file = test::jpeg(colour, JpegColour::rgb);
  const Image plain = decoded(file);
  file.insert(file.end(), 10000, 0x55);
  EXPECT_EQ(decoded(file), plain);
}

TEST(Png, ReadsEveryKindInterlacedOrNot) {
  const Image grey = gradient(13, 21, 1), colour = gradient(13, 21, 3);
  for (const bool interlaced : {false, true}) {
    EXPECT_EQ(decoded(test::png(grey, PngKind::grey8, interlaced)), grey);
    EXPECT_EQ(decoded(test::png(grey, PngKind::grey16, interlaced)), grey);
    EXPECT_EQ(decoded(test::png(colour, PngKind::rgb8, interlaced)), colour);
    EXPECT_EQ(decoded(test::png(colour, PngKind::rgb16, interlaced)), colour);
    const Image few = gradient(8, 12, 3);
    EXPECT_EQ(decoded(test::png(few, PngKind::palette, interlaced)), few);
    const Image bits = decoded(test::png(grey, PngKind::grey1, interlaced));
    for (std::size_t i = 0; i < bits.pixels().size(); ++i) {
      EXPECT_EQ(bits.pixels()[i], grey.pixels()[i] >= 128 ? 255 : 0);
    }
  }
}

TEST(Png, LaysAlphaOverWhite) {
  const auto first_white = [](Image image) {
    std::fill_n(image.row(0), image.channels(), std::uint8_t{255});
    return image;
  };
  const Image grey = gradient(5, 7, 1), colour = gradient(5, 7, 3);
  for (const bool interlaced : {false, true}) {
    EXPECT_EQ(decoded(test::png(grey, PngKind::grey_alpha, interlaced)), first_white(grey));
    EXPECT_EQ(decoded(test::png(colour, PngKind::rgba8, interlaced)), first_white(colour));
    EXPECT_EQ(decoded(test::png(colour, PngKind::rgb_transparent, interlaced)),
              first_white(colour));
  }
}

TEST(Png, RefusesWhatIsCutOffOrDamaged) {
  const Bytes whole = test::png(gradient(9, 9, 3), PngKind::rgb8);
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<long>(n));
    expect_error<FormatError>([&] { decoded(cut); }, {"test: "});
  }
  Bytes checksum = whole;
  checksum[30] ^= 1;  // of the first chunk
  expect_error<FormatError>([&] { decoded(checksum); }, {"damaged PNG"});
}

// Whatever the bytes are: a picture or a FormatError.
TEST(Decode, SurvivesRandomDamage) {
  std::vector<Bytes> files{test::png(gradient(9, 9, 3), PngKind::rgb8),
                           test::png(gradient(9, 9, 3), PngKind::palette, true),
                           test::png(gradient(9, 9, 1), PngKind::grey16, true)};
  files.push_back(test::jpeg(gradient(20, 20, 3), JpegColour::rgb));
  files.push_back(test::jpeg(gradient(20, 20, 3), JpegColour::ycck_adobe, true));
  files.push_back(test::with_orientation(test::jpeg(gradient(9, 9, 1), JpegColour::grey), 6));
  const Philox bits{1, stream_key(Purpose::test, 1, 0)};
  int refused = 0, accepted = 0;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    Bytes damaged = files[i % files.size()];
    const Bits4 draw = bits(i);
    for (unsigned flip = 0; flip < 1 + draw[3] % 3; ++flip) {
      const auto at = uniform_below(draw[flip], static_cast<std::uint32_t>(damaged.size()));
      damaged[at] ^= static_cast<std::uint8_t>(1U << (draw[flip] % 8U));
    }
    try {
      const Image image = decoded(damaged, {.max_pixels = 1 << 20});
      EXPECT_FALSE(image.empty());
      ++accepted;
    } catch (const FormatError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 300);
  EXPECT_EQ(refused + accepted, 3000);
}

TEST(Decode, NamesWhatIsNeither) {
  const auto text = [](const char* t) { return Bytes(t, t + std::strlen(t)); };
  expect_error<FormatError>([] { decoded({}); }, {"test: empty"});
  expect_error<FormatError>([&] { decoded(text("GIF89a...")); }, {"a GIF"});
  expect_error<FormatError>([&] { decoded(text("RIFF1234WEBPVP8 ")); }, {"a WebP"});
  expect_error<FormatError>([&] { decoded(text("BM123456")); }, {"a BMP"});
  expect_error<FormatError>([&] { decoded(text("II*12345")); }, {"a TIFF"});
  expect_error<FormatError>([&] { decoded(text("1234ftypheic")); }, {"a HEIC"});
  expect_error<FormatError>([&] { decoded(text("1234ftypavif")); }, {"an AVIF"});
  expect_error<FormatError>([&] { decoded(text("hello")); }, {"neither JPEG nor PNG"});
}

// A few bytes that claim a huge picture are refused before memory is taken for it.
TEST(Decode, RefusesBombs) {
  Bytes png = test::png(gradient(4, 4, 1), PngKind::grey8);
  png[16] = 0x00, png[17] = 0x0F, png[20] = 0x00, png[21] = 0x0F;  // 983,044 x 983,044
  expect_error<FormatError>([&] { decoded(png); }, {"983044x983044", "more than the 134217728"});
  png[16] = 0x7F;
  expect_error<FormatError>([&] { decoded(png); }, {"too large"});
  Bytes jpeg = test::jpeg(gradient(4, 4, 1), JpegColour::grey);
  for (std::size_t i = 0; i + 8 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xFF && jpeg[i + 1] == 0xC0) std::fill_n(jpeg.begin() + long(i) + 5, 4, 0xFF);
  }
  expect_error<FormatError>([&] { decoded(jpeg); }, {"65535x65535", "more than"});
}

TEST(Decode, RefusesKindsOfJpegThatAreNotRead) {
  const Bytes file = test::jpeg(gradient(4, 4, 1), JpegColour::grey);
  const auto frame = [&](int offset, std::uint8_t value) {
    Bytes changed = file;
    for (std::size_t i = 0; i + 12 < changed.size(); ++i) {
      if (file[i] != 0xFF || file[i + 1] != 0xC0) continue;
      changed[i + static_cast<std::size_t>(offset)] = value;
      break;
    }
    return changed;
  };
  expect_error<FormatError>([&] { decoded(frame(1, 0xC3)); }, {"frame type 3"});
  expect_error<FormatError>([&] { decoded(frame(4, 12)); }, {"12 bits"});
  expect_error<FormatError>([&] { decoded(frame(9, 2)); }, {"2 components"});
  Bytes no_height = frame(5, 0);
  expect_error<FormatError>([&] { decoded(Bytes{0xFF, 0xD8, 0xFF, 0xD9}); }, {"test: "});
  expect_error<FormatError>(
      [&] {
        decoded(Bytes{0xFF, 0xD8, 0xFF, 0xE0, 0, 1, 0, 0});
      },
      {"without a picture"});
}

TEST(Probe, SaysSizeAndChannelsUpright) {
  const test::TemporaryFolder folder;
  PictureInfo info;
  test::write_file(folder / "a", test::png(gradient(6, 9, 1), PngKind::grey16));
  EXPECT_EQ(probe(folder / "a", {}, info), "");
  EXPECT_EQ(info.height, 6);
  EXPECT_EQ(info.width, 9);
  EXPECT_EQ(info.channels, 1);
  test::write_file(folder / "b", test::png(gradient(6, 9, 3), PngKind::palette));
  EXPECT_EQ(probe(folder / "b", {}, info), "");
  EXPECT_EQ(info.channels, 3);
  const Bytes jpeg = test::jpeg(gradient(16, 32, 3), JpegColour::rgb);
  test::write_file(folder / "c", test::with_orientation(jpeg, 6));
  EXPECT_EQ(probe(folder / "c", {}, info), "");
  EXPECT_EQ(info.height, 32);
  EXPECT_EQ(info.width, 16);
  EXPECT_EQ(info.channels, 3);
}

TEST(Probe, FindsWhatCannotBeUsedWithoutDecoding) {
  const test::TemporaryFolder folder;
  PictureInfo info;
  const auto reason = [&](const Bytes& bytes) {
    test::write_file(folder / "file", bytes);
    return probe(folder / "file", {}, info);
  };
  const Bytes png = test::png(gradient(64, 64, 3), PngKind::rgb8);
  EXPECT_EQ(reason({}), "empty");
  EXPECT_EQ(reason({'x'}), "neither JPEG nor PNG");
  EXPECT_EQ(reason(Bytes(png.begin(), png.end() - 20)), "damaged PNG: the file is cut off");
  EXPECT_NE(probe(folder / "absent", {}, info).find("No such file"), std::string::npos);
  EXPECT_EQ(probe(folder.path(), {}, info), "not a file");
  Bytes followed = png;
  followed.insert(followed.end(), 9000, 7);
  EXPECT_EQ(reason(followed), "") << "decodes";
  const Bytes jpeg = test::jpeg(gradient(64, 64, 3), JpegColour::rgb);
  EXPECT_NE(reason(Bytes(jpeg.begin(), jpeg.end() - 30)).find("remature end"), std::string::npos);
  EXPECT_EQ(reason(Bytes(jpeg.begin(), jpeg.begin() + 30)), "cut off in its header");
  followed = jpeg;
  followed.insert(followed.end(), 9000, 7);
  EXPECT_EQ(reason(followed), "") << "decodes";
}

}  // namespace
}  // namespace fovea
