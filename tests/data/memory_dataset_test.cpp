// memory_dataset_test.cpp - pictures added by a program, and arrays of pictures.
#include <fovea/core/error.h>
#include <fovea/data/array_dataset.h>
#include <fovea/data/memory_dataset.h>

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "files.h"

namespace fovea {
namespace {

using test::Bytes;
using test::expect_error;

TEST(MemoryDataset, KeepsCopiesAndCounts) {
  MemoryDataset data;
  EXPECT_EQ(data.size(), 0);
  EXPECT_FALSE(data.image_size());
  Bytes pixels{1, 2, 3, 4, 5, 6};
  data.add({pixels.data(), 2, 3, 3, PixelFormat::grey8}, 4);
  EXPECT_EQ(data.channels(), 1);
  EXPECT_EQ(data.image_size(), (ImageSize{2, 3, 1}));
  data.add({pixels.data(), 1, 2, 6, PixelFormat::bgr8}, 0);
  pixels.assign(6, 0);
  EXPECT_EQ(data.size(), 2);
  EXPECT_EQ(data.classes(), 5);
  EXPECT_EQ(data.channels(), 3);
  EXPECT_FALSE(data.image_size()) << "two sizes";
  EXPECT_EQ(data.label(0), 4);
  const Sample first = data.get(0);
  EXPECT_EQ(first.image.row(1)[2], 6);
  EXPECT_TRUE(first.storage.empty()) << "a view, not a copy";
  const Sample second = data.get(1);
  EXPECT_EQ(second.image.format, PixelFormat::rgb8);
  EXPECT_EQ(second.image.pixels[0], 3) << "kept as RGB";
  data.set_classes(7);
  EXPECT_EQ(data.classes(), 7);
  expect_error<InvalidArgument>([&] { data.set_classes(4); }, {"set_classes(4)", "up to 6"});
}

TEST(MemoryDataset, HoldsTargetsForRegression) {
  MemoryDataset data;
  const std::uint8_t pixel = 9;
  const ImageView view{&pixel, 1, 1, 1, PixelFormat::grey8};
  data.add(view, std::array{0.5F, -2.0F});
  data.add(view, std::array{1.5F, 3.0F});
  EXPECT_EQ(data.classes(), 0);
  EXPECT_EQ(data.target_size(), 2);
  EXPECT_EQ(data.get(1).target[0], 1.5F);
  EXPECT_EQ(data.get(1).target[1], 3.0F);
  expect_error<InvalidArgument>([&] { data.add(view, std::array{1.0F}); }, {"1 values", "2"});
  expect_error<InvalidArgument>([&] { data.add(view, 1); }, {"label after 2", "targets"});
  expect_error<InvalidArgument>([&] { data.set_classes(3); }, {"targets"});
  EXPECT_EQ(data.size(), 2) << "refused pictures leave no trace";
}

TEST(MemoryDataset, RefusesBadLabelsAndViews) {
  MemoryDataset data;
  const std::uint8_t pixel = 9;
  expect_error<InvalidArgument>(
      [&] {
        data.add({&pixel, 1, 1, 1, PixelFormat::grey8}, -1);
      },
      {"label -1"});
  expect_error<InvalidArgument>(
      [&] {
        data.add({nullptr, 1, 1, 1, PixelFormat::grey8}, 0);
      },
      {"without pixels"});
  EXPECT_EQ(data.size(), 0);
  data.add({&pixel, 1, 1, 1, PixelFormat::grey8}, 0);
  expect_error<InvalidArgument>(
      [&] {
        data.add({&pixel, 1, 1, 1, PixelFormat::grey8}, std::array{1.0F});
      },
      {"after 1 pictures"});
}

TEST(ArrayDataset, HandsOutViewsAndChecksSizes) {
  const ArrayDataset data({2, 1, 3}, test::counting(12), {1, 0}, 2);
  EXPECT_EQ(data.size(), 2);
  EXPECT_EQ(data.get(1).image.row(1)[2], 11);
  EXPECT_EQ(data.get(1).label, 0);
  EXPECT_EQ(data.image_size(), (ImageSize{2, 1, 3}));
  expect_error<InvalidArgument>(
      [] {
        ArrayDataset({2, 1, 3}, Bytes(11), {1, 0}, 2);
      },
      {"2 pictures of 2x1x3", "12 bytes", "11"});
  expect_error<InvalidArgument>(
      [] {
        ArrayDataset({2, 1, 3}, Bytes(12), {1, 2}, 2);
      },
      {"label 2 of picture 1", "0..1"});
  expect_error<InvalidArgument>([] { ArrayDataset({2, 1, 2}, Bytes(4), {0}, 1); }, {"2x1x2"});
  expect_error<InvalidArgument>([] { ArrayDataset({0, 1, 1}, {}, {}, 1); }, {"0x1x1"});
}

}  // namespace
}  // namespace fovea
