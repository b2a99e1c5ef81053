// array_dataset.cpp - checks once, then hands out views.
#include <fovea/core/error.h>
#include <fovea/core/shape.h>
#include <fovea/data/array_dataset.h>

#include <string>
#include <utility>

namespace fovea {

ArrayDataset::ArrayDataset(ImageSize size, std::vector<std::uint8_t> pixels,
                           std::vector<std::int32_t> labels, int classes)
    : image_size_{size},
      image_bytes_{checked_mul(size.height, checked_mul(size.width, size.channels))},
      pixels_{std::move(pixels)},
      labels_{std::move(labels)},
      classes_{classes} {
  if (image_bytes_ < 1 || (size.channels != 1 && size.channels != 3)) {
    throw InvalidArgument("array data set: pictures of " +
                          size_text(size.height, size.width, size.channels) +
                          "; give extents of at least 1 and 1 or 3 channels");
  }
  const std::int64_t bytes = checked_mul(image_bytes_, this->size());
  if (static_cast<std::int64_t>(pixels_.size()) != bytes) {
    throw InvalidArgument("array data set: " + std::to_string(labels_.size()) + " pictures of " +
                          size_text(size.height, size.width, size.channels) + " are " +
                          std::to_string(bytes) + " bytes, " + std::to_string(pixels_.size()) +
                          " were given");
  }
  for (std::size_t i = 0; i < labels_.size(); ++i) {
    if (labels_[i] < 0 || labels_[i] >= classes) {
      throw InvalidArgument("array data set: label " + std::to_string(labels_[i]) + " of picture " +
                            std::to_string(i) + " is outside 0.." + std::to_string(classes - 1));
    }
  }
}

Sample ArrayDataset::get(std::int64_t i) const {
  const ImageView view{pixels_.data() + i * image_bytes_, image_size_.height, image_size_.width,
                       static_cast<std::int64_t>(image_size_.width) * image_size_.channels,
                       image_size_.channels == 1 ? PixelFormat::grey8 : PixelFormat::rgb8};
  return {view, label(i), {}, {}};
}

}  // namespace fovea
