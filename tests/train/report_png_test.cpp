// report_png_test.cpp - pictures that we write are PNG: libpng reads them, and checks the sums.
#include <fovea/data/decode.h>
#include <fovea/data/png.h>
#include <fovea/train/report/png.h>
#include <gtest/gtest.h>

#include <cstdint>

namespace fovea::report {
namespace {

void expect_read_back(int width, int height) {
  if (!reads_png()) GTEST_SKIP() << "this build reads no PNG";
  Picture p{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i) p.rgb.push_back(static_cast<std::uint8_t>(i * 31));
  const std::string png = encode_png(p);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(png.data());
  const Image image = decode({bytes, png.size()}, {}, "ours");
  EXPECT_EQ(image.height(), height);
  EXPECT_EQ(image.width(), width);
  EXPECT_EQ(image.pixels(), p.rgb);
}

TEST(ReportPng, OnePixel) { expect_read_back(1, 1); }
TEST(ReportPng, OneBlock) { expect_read_back(121, 50); }
// 21845 pixels with the rows' filter bytes are just over one stored block, 65535 bytes.
TEST(ReportPng, JustOneBlock) { expect_read_back(21844, 1); }
TEST(ReportPng, JustTwoBlocks) { expect_read_back(21845, 1); }
TEST(ReportPng, ManyBlocks) { expect_read_back(200, 400); }

}  // namespace
}  // namespace fovea::report
