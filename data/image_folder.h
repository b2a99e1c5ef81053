// image_folder.h - JPEG and PNG files as a data set: decoded anew each time they are asked for.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>
#include <fovea/data/decode.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fovea {

/// A picture file, below the root of its set.
struct PictureFile {
  std::string path;
  std::int32_t label = 0;
  PictureInfo info;
};

class FOVEA_API ImageFolder final : public Dataset {
 public:
  /// `files` as probe() found them; options.shorter_side lets large JPEGs be decoded smaller.
  ImageFolder(std::filesystem::path root, std::vector<PictureFile> files, int classes,
              const DecodeOptions& options);

  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  int classes() const override { return classes_; }
  /// Throws InvalidArgument or FormatError, naming the file, where it has gone or is damaged.
  Sample get(std::int64_t i) const override;
  std::int32_t label(std::int64_t i) const override { return file(i).label; }
  int channels() const override { return channels_; }
  std::optional<ImageSize> image_size() const override { return image_size_; }

  const PictureFile& file(std::int64_t i) const { return files_[static_cast<std::size_t>(i)]; }
  const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
  std::vector<PictureFile> files_;
  int classes_ = 0;
  DecodeOptions options_;
  int channels_ = 1;
  std::optional<ImageSize> image_size_;
};

}  // namespace fovea
