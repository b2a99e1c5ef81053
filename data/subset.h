// subset.h - some pictures of a data set.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace fovea {

/// Pictures indices[0], indices[1], ... of another set; classes and sizes are that set's.
class FOVEA_API Subset final : public Dataset {
 public:
  /// Throws InvalidArgument for an index outside `whole`.
  Subset(std::shared_ptr<const Dataset> whole, std::vector<std::uint32_t> indices);

  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  int classes() const override { return whole_->classes(); }
  Sample get(std::int64_t i) const override { return whole_->get(index(i)); }
  std::int32_t label(std::int64_t i) const override { return whole_->label(index(i)); }
  int channels() const override { return whole_->channels(); }
  std::optional<ImageSize> image_size() const override { return whole_->image_size(); }
  int target_size() const override { return whole_->target_size(); }

 private:
  std::int64_t index(std::int64_t i) const { return indices_[static_cast<std::size_t>(i)]; }

  std::shared_ptr<const Dataset> whole_;
  std::vector<std::uint32_t> indices_;
};

/// `count` pictures drawn by `seed` with classes in proportion, in the order of `whole`; `whole`
/// itself if it has no more than that. See proportional_sample().
FOVEA_API std::shared_ptr<const Dataset> limited(std::shared_ptr<const Dataset> whole,
                                                 std::int64_t count, std::uint64_t seed);

}  // namespace fovea
