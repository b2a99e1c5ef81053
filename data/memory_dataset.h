// memory_dataset.h - pictures that a program adds one by one.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace fovea {

/// Pictures of any size and format, copied in. Either labels or targets, not both.
class FOVEA_API MemoryDataset final : public Dataset {
 public:
  /// Copies the picture. Grey stays grey, everything else is kept as RGB. Throws InvalidArgument
  /// for a bad view, a label below 0, or where targets were added before.
  void add(const ImageView& image, std::int32_t label);
  /// The same with a target to regress; all targets have one length, at least 1.
  void add(const ImageView& image, std::span<const float> target);
  /// Classes beyond the largest label so far: names known, pictures not (yet) there.
  void set_classes(int classes);

  std::int64_t size() const override { return static_cast<std::int64_t>(items_.size()); }
  /// The largest label plus one, or what set_classes() said if that is more; 0 for targets.
  int classes() const override { return classes_; }
  Sample get(std::int64_t i) const override;
  std::int32_t label(std::int64_t i) const override {
    return items_[static_cast<std::size_t>(i)].label;
  }
  int channels() const override { return any_colour_ ? 3 : 1; }
  std::optional<ImageSize> image_size() const override;
  int target_size() const override { return target_size_; }

 private:
  struct Item {
    Image image;
    std::int32_t label = 0;
    std::vector<float> target;
  };
  void append(const ImageView& image, std::int32_t label, std::span<const float> target);

  std::vector<Item> items_;
  int classes_ = 0;
  int target_size_ = 0;
  bool any_colour_ = false;
  bool same_size_ = true;
};

}  // namespace fovea
