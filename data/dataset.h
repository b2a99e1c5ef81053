// dataset.h - what a trainer reads: numbered pictures with a label or a float target each.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/image.h>

#include <cstdint>
#include <optional>
#include <span>

namespace fovea {

/// Extents of every picture of a set.
struct ImageSize {
  int height = 0, width = 0, channels = 0;
  friend bool operator==(const ImageSize&, const ImageSize&) = default;
};

/// One picture of a data set. `image` points into `storage`, or, where that is empty, into the data
/// set; it stays valid when the sample is moved (not when it is copied).
struct Sample {
  ImageView image;
  std::int32_t label = 0;         // 0 .. classes() - 1; 0 for regression
  std::span<const float> target;  // target_size() values of the data set; empty for classes
  Image storage;
};

/// Numbered pictures. Const functions may be called from several threads at once: loader threads
/// do.
class FOVEA_API Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::int64_t size() const = 0;
  /// Number of classes; 0 for regression.
  virtual int classes() const = 0;
  /// Picture i, 0 <= i < size(). Throws FormatError where its file turns out to be broken.
  virtual Sample get(std::int64_t i) const = 0;

  /// The label of picture i; override where that needs no decoding.
  virtual std::int32_t label(std::int64_t i) const { return get(i).label; }
  /// 1 if every picture is grey, else 3.
  virtual int channels() const { return 3; }
  /// The size that all pictures have; empty where they differ.
  virtual std::optional<ImageSize> image_size() const { return std::nullopt; }
  /// Values in each sample's target; 0 for classes.
  virtual int target_size() const { return 0; }
};

}  // namespace fovea
