// statistics.h - mean and spread of the training pictures, for a recipe's normalisation.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace fovea {

/// Of pixel values 0 .. 255. Sums are exact integers, so the numbers are the same for any number of
/// threads and any order of the pictures.
struct FOVEA_API Statistics {
  ImageSize image_size;
  std::int64_t images = 0;
  std::vector<double> mean;        // {channels}, over pictures and pixels
  std::vector<double> deviation;   // {channels}: standard deviation
  std::vector<double> covariance;  // {channels, channels} of a pixel's channels
  std::vector<float> pixel_mean;   // {height, width, channels}, over pictures

  /// The central height x width of pixel_mean: what a net sees that crops. Throws InvalidArgument
  /// where that is larger than the pictures.
  std::vector<float> centre_mean(int height, int width) const;
};

struct StatisticsOptions {
  /// Size to bring pictures to; the data set's own where empty. See LoaderOptions.
  std::optional<ImageSize> image_size = std::nullopt;
  int threads = 1;  // that decode; 0: the caller's
};

/// Told how many pictures are done; false stops.
using StatisticsProgress = std::function<bool(std::int64_t done, std::int64_t total)>;

/// Goes through the whole data set once. Nothing where `progress` stopped it. Throws what Loader
/// and Dataset::get throw.
FOVEA_API std::optional<Statistics> measure_statistics(const Dataset& data,
                                                       const StatisticsOptions& options = {},
                                                       const StatisticsProgress& progress = {});

}  // namespace fovea
