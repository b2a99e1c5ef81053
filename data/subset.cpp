// subset.cpp
#include <fovea/core/error.h>
#include <fovea/data/sampler.h>
#include <fovea/data/subset.h>

#include <string>
#include <utility>

namespace fovea {

Subset::Subset(std::shared_ptr<const Dataset> whole, std::vector<std::uint32_t> indices)
    : whole_{std::move(whole)}, indices_{std::move(indices)} {
  for (const std::uint32_t i : indices_) {
    if (i >= whole_->size()) {
      throw InvalidArgument("subset: picture " + std::to_string(i) + " of a set of " +
                            std::to_string(whole_->size()));
    }
  }
}

std::shared_ptr<const Dataset> limited(std::shared_ptr<const Dataset> whole, std::int64_t count,
                                       std::uint64_t seed) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(whole->size()));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = whole->label(static_cast<std::int64_t>(i));
  }
  std::vector<std::uint32_t> chosen = proportional_sample(labels, count, seed);
  if (chosen.size() == labels.size()) return whole;
  return std::make_shared<Subset>(std::move(whole), std::move(chosen));
}

}  // namespace fovea
