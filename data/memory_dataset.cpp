// memory_dataset.cpp
#include <fovea/core/error.h>
#include <fovea/data/memory_dataset.h>

#include <algorithm>
#include <limits>
#include <string>

namespace fovea {

void MemoryDataset::append(const ImageView& image, std::int32_t label,
                           std::span<const float> target) {
  const int channels = image.format == PixelFormat::grey8 ? 1 : 3;
  items_.push_back({Image(image, channels), label, {target.begin(), target.end()}});
  const Image& first = items_.front().image;
  same_size_ = same_size_ && first.height() == image.height && first.width() == image.width;
  any_colour_ = any_colour_ || channels == 3;
}

void MemoryDataset::add(const ImageView& image, std::int32_t label) {
  check(image);
  if (target_size_ > 0) {
    throw InvalidArgument("memory data set: a label after " + std::to_string(size()) +
                          " pictures with targets; use one of the two");
  }
  if (label < 0 || label == std::numeric_limits<std::int32_t>::max()) {
    throw InvalidArgument("memory data set: label " + std::to_string(label) +
                          "; labels count from 0");
  }
  append(image, label, {});
  classes_ = std::max(classes_, label + 1);
}

void MemoryDataset::add(const ImageView& image, std::span<const float> target) {
  check(image);
  const int values = static_cast<int>(target.size());
  if (values == 0 || (size() > 0 && values != target_size_)) {
    throw InvalidArgument("memory data set: a target of " + std::to_string(values) +
                          " values after " + std::to_string(size()) + " pictures with " +
                          std::to_string(target_size_) + "; all targets have one length");
  }
  append(image, 0, target);
  target_size_ = values;
}

void MemoryDataset::set_classes(int classes) {
  if (classes < classes_ || target_size_ > 0) {
    throw InvalidArgument(
        "memory data set: set_classes(" + std::to_string(classes) + ") with " +
        (target_size_ > 0 ? "targets" : "labels up to " + std::to_string(classes_ - 1)) + " in it");
  }
  classes_ = classes;
}

Sample MemoryDataset::get(std::int64_t i) const {
  const Item& item = items_[static_cast<std::size_t>(i)];
  return {item.image.view(), item.label, item.target, {}};
}

std::optional<ImageSize> MemoryDataset::image_size() const {
  if (items_.empty() || !same_size_) return std::nullopt;
  const Image& first = items_.front().image;
  return ImageSize{first.height(), first.width(), channels()};
}

}  // namespace fovea
