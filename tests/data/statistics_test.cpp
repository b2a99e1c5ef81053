// statistics_test.cpp - means and deviations against numbers worked out by hand and by loops.
#include <fovea/core/error.h>
#include <fovea/data/array_dataset.h>
#include <fovea/data/memory_dataset.h>
#include <fovea/data/open.h>
#include <fovea/data/statistics.h>

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <vector>

#include "files.h"

namespace fovea {
namespace {

using test::Bytes;
using test::expect_error;

TEST(Statistics, OfFourGreyPixels) {
  const ArrayDataset data({1, 2, 1}, {0, 10, 20, 30}, {0, 0}, 1);
  const Statistics s = *measure_statistics(data);
  EXPECT_EQ(s.images, 2);
  EXPECT_EQ(s.mean, std::vector<double>{15});
  EXPECT_DOUBLE_EQ(s.deviation[0], std::sqrt(125.0));  // (225 + 25 + 25 + 225) / 4
  EXPECT_EQ(s.pixel_mean, (std::vector<float>{10, 20}));
  EXPECT_EQ(s.centre_mean(1, 1), std::vector<float>{10});
}

TEST(Statistics, OfChannelsAgreeWithLoopsInDoublePrecision) {
  const std::size_t count = 70, pixels = 5 * 4;
  const Bytes bytes = test::counting(count * pixels * 3);
  const ArrayDataset data({5, 4, 3}, bytes, std::vector<std::int32_t>(count), 1);
  const Statistics s = *measure_statistics(data, {.threads = 2});
  double sum[3] = {}, product[3][3] = {};
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    for (std::size_t a = 0; a < 3; ++a) {
      sum[a] += bytes[i + a];
      for (std::size_t b = 0; b < 3; ++b) product[a][b] += bytes[i + a] * bytes[i + b];
    }
  }
  const double n = static_cast<double>(bytes.size() / 3);
  for (std::size_t a = 0; a < 3; ++a) {
    EXPECT_NEAR(s.mean[a], sum[a] / n, 1e-10);
    for (std::size_t b = 0; b < 3; ++b) {
      EXPECT_NEAR(s.covariance[a * 3 + b], product[a][b] / n - sum[a] / n * sum[b] / n, 1e-8);
    }
    EXPECT_DOUBLE_EQ(s.deviation[a] * s.deviation[a], s.covariance[a * 4]);
  }
  for (std::size_t p = 0; p < pixels * 3; ++p) {
    double mean = 0;
    for (std::size_t i = 0; i < count; ++i) mean += bytes[i * pixels * 3 + p];
    EXPECT_NEAR(s.pixel_mean[p], mean / static_cast<double>(count), 1e-5);
  }
  const std::vector<float> centre = s.centre_mean(3, 2);
  EXPECT_EQ(centre.size(), 18U);
  EXPECT_EQ(centre[0], s.pixel_mean[(1 * 4 + 1) * 3]);
  EXPECT_EQ(centre[17], s.pixel_mean[(3 * 4 + 2) * 3 + 2]);
  expect_error<InvalidArgument>([&] { s.centre_mean(6, 4); }, {"6x4", "5x4"});
}

TEST(Statistics, AreTheSameForAnyThreads) {
  MemoryDataset data;
  for (int i = 0; i < 75; ++i) {
    const Bytes pixels = test::counting(static_cast<std::size_t>(9 * (5 + i) * 3));
    data.add({pixels.data(), 9, 5 + i, (5 + i) * 3, PixelFormat::rgb8}, 0);
  }
  const ImageSize size{8, 8, 3};
  const Statistics one = *measure_statistics(data, {.image_size = size, .threads = 0});
  for (const int threads : {1, 4}) {
    const Statistics more = *measure_statistics(data, {.image_size = size, .threads = threads});
    EXPECT_EQ(more.covariance, one.covariance);
    EXPECT_EQ(more.pixel_mean, one.pixel_mean);
  }
}

TEST(Statistics, TellHowFarTheyAreAndStop) {
  const ArrayDataset data({1, 1, 1}, Bytes(100), std::vector<std::int32_t>(100), 1);
  std::vector<std::int64_t> seen;
  const auto all = measure_statistics(data, {}, [&](std::int64_t done, std::int64_t total) {
    EXPECT_EQ(total, 100);
    seen.push_back(done);
    return true;
  });
  EXPECT_TRUE(all);
  EXPECT_EQ(seen, (std::vector<std::int64_t>{32, 64, 96, 100}));
  EXPECT_FALSE(
      measure_statistics(data, {}, [](std::int64_t done, std::int64_t) { return done < 64; }));
}

// The widely published numbers: mean 0.2860, deviation 0.3530 of pixels / 255.
TEST(Statistics, OfFashionMnist) {
  const std::filesystem::path folder = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "no " << folder << " (Debian: dataset-fashion-mnist)";
  }
  const Statistics s = *measure_statistics(*open_data(folder).training);
  EXPECT_EQ(s.images, 60000);
  EXPECT_NEAR(s.mean[0] / 255, 0.2860, 5e-5);
  EXPECT_NEAR(s.deviation[0] / 255, 0.3530, 5e-5);
}

}  // namespace
}  // namespace fovea
