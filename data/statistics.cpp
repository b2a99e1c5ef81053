// statistics.cpp - loader threads decode, the caller's thread adds up.
#include <fovea/core/error.h>
#include <fovea/data/loader.h>
#include <fovea/data/statistics.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace fovea {
namespace {

constexpr int kBatch = 32;

// 2^64 bounds: 2^24 pictures of 2^24 pixels have square sums below 2^64.
class Sums {
 public:
  explicit Sums(const ImageSize& size)
      : size_{size},
        channels_{static_cast<std::size_t>(size.channels)},
        pixels_(static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width) *
                channels_) {}

  void add(const std::uint8_t* image) {
    for (std::size_t i = 0; i < pixels_.size(); ++i) pixels_[i] += image[i];
    if (channels_ == 1) {
      add_products<1>(image);
    } else {
      add_products<3>(image);
    }
    ++images_;
  }

  Statistics result() const {
    Statistics s{size_, images_, {}, {}, {}, {}};
    const auto images = static_cast<double>(images_);
    for (const std::uint64_t sum : pixels_) {
      s.pixel_mean.push_back(static_cast<float>(static_cast<double>(sum) / images));
    }
    std::array<std::uint64_t, 3> totals{};
    for (std::size_t i = 0; i < pixels_.size(); ++i) totals[i % channels_] += pixels_[i];
    const std::uint64_t count = static_cast<std::uint64_t>(images_) * (pixels_.size() / channels_);
    for (std::size_t a = 0; a < channels_; ++a) {
      s.mean.push_back(static_cast<double>(totals[a]) / static_cast<double>(count));
      for (std::size_t b = 0; b < channels_; ++b) {
        s.covariance.push_back(
            covariance(count, products_[std::min(a, b)][std::max(a, b)], totals[a], totals[b]));
      }
      s.deviation.push_back(std::sqrt(s.covariance[a * channels_ + a]));
    }
    return s;
  }

 private:
  // E[ab] - E[a]E[b] as one exact difference: nothing cancels.
  static double covariance(std::uint64_t count, std::uint64_t product, std::uint64_t a,
                           std::uint64_t b) {
    const __int128 difference =
        static_cast<__int128>(count) * product - static_cast<__int128>(a) * b;
    return static_cast<double>(difference) / static_cast<double>(count) /
           static_cast<double>(count);
  }

  template <std::size_t Channels>
  void add_products(const std::uint8_t* image) {
    std::uint64_t sums[Channels][Channels] = {};
    for (std::size_t i = 0; i < pixels_.size(); i += Channels) {
      for (std::size_t a = 0; a < Channels; ++a) {
        for (std::size_t b = a; b < Channels; ++b) {
          sums[a][b] += std::uint32_t{image[i + a]} * image[i + b];
        }
      }
    }
    for (std::size_t a = 0; a < Channels; ++a) {
      for (std::size_t b = a; b < Channels; ++b) products_[a][b] += sums[a][b];
    }
  }

  ImageSize size_;
  std::size_t channels_;
  std::vector<std::uint64_t> pixels_;                       // {height, width, channels}
  std::array<std::array<std::uint64_t, 3>, 3> products_{};  // of channels a <= b
  std::int64_t images_ = 0;
};

}  // namespace

std::optional<Statistics> measure_statistics(const Dataset& data, const StatisticsOptions& options,
                                             const StatisticsProgress& progress) {
  Loader loader(data, {.batch = kBatch,
                       .image_size = options.image_size,
                       .shuffle = false,
                       .threads = options.threads,
                       .end_epoch = 1});
  Sums sums(loader.image_size());
  std::int64_t done = 0;
  while (const Batch* batch = loader.next()) {
    const std::size_t image = batch->images.size() / static_cast<std::size_t>(batch->size);
    for (int row = 0; row < batch->valid; ++row) {
      sums.add(batch->images.data() + static_cast<std::size_t>(row) * image);
    }
    done += batch->valid;
    if (progress && !progress(done, data.size())) return std::nullopt;
  }
  return sums.result();
}

std::vector<float> Statistics::centre_mean(int height, int width) const {
  if (height < 1 || width < 1 || height > image_size.height || width > image_size.width) {
    throw InvalidArgument("centre_mean: " + std::to_string(height) + "x" + std::to_string(width) +
                          " of pictures of " + std::to_string(image_size.height) + "x" +
                          std::to_string(image_size.width));
  }
  const int top = (image_size.height - height) / 2, left = (image_size.width - width) / 2;
  const auto at = [&](int y, int x) {
    return pixel_mean.begin() +
           (static_cast<std::ptrdiff_t>(y) * image_size.width + x) * image_size.channels;
  };
  std::vector<float> part;
  for (int y = top; y < top + height; ++y)
    part.insert(part.end(), at(y, left), at(y, left + width));
  return part;
}

}  // namespace fovea
