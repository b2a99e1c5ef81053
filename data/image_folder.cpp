// image_folder.cpp
#include <fovea/data/image_folder.h>

#include <algorithm>
#include <utility>

namespace fovea {

ImageFolder::ImageFolder(std::filesystem::path root, std::vector<PictureFile> files, int classes,
                         const DecodeOptions& options)
    : root_{std::move(root)}, files_{std::move(files)}, classes_{classes}, options_{options} {
  if (files_.empty()) return;
  const PictureInfo first = files_.front().info;
  bool same = true;
  for (const PictureFile& f : files_) {
    channels_ = std::max(channels_, f.info.channels);
    same = same && f.info.height == first.height && f.info.width == first.width;
  }
  // Decoding at a part of the size gives other extents than the headers say.
  const bool whole =
      options_.shorter_side == 0 || std::min(first.height, first.width) < 4 * options_.shorter_side;
  if (same && whole) image_size_ = ImageSize{first.height, first.width, channels_};
}

Sample ImageFolder::get(std::int64_t i) const {
  Sample sample;
  sample.storage = read_picture(root_ / file(i).path, options_);
  sample.image = sample.storage.view();
  sample.label = label(i);
  return sample;
}

}  // namespace fovea
