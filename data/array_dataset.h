// array_dataset.h - pictures of one size in one block of memory: what IDX and CIFAR files become.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace fovea {

/// uint8 {count, height, width, channels} with one label a picture.
class FOVEA_API ArrayDataset final : public Dataset {
 public:
  /// Throws InvalidArgument where the sizes of `pixels` and `labels` do not fit each other, or a
  /// label is outside 0 .. classes - 1.
  ArrayDataset(ImageSize size, std::vector<std::uint8_t> pixels, std::vector<std::int32_t> labels,
               int classes);

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  int classes() const override { return classes_; }
  Sample get(std::int64_t i) const override;
  std::int32_t label(std::int64_t i) const override { return labels_[static_cast<std::size_t>(i)]; }
  int channels() const override { return image_size_.channels; }
  std::optional<ImageSize> image_size() const override { return image_size_; }

 private:
  ImageSize image_size_;
  std::int64_t image_bytes_ = 0;
  std::vector<std::uint8_t> pixels_;
  std::vector<std::int32_t> labels_;
  int classes_ = 0;
};

}  // namespace fovea
