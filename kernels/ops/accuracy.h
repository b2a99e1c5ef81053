// accuracy.h - how far off results on reals may be where that is a variant's own affair: of one
// algorithm's variants some may transform, and others add as they are told.
#pragma once

#include <fovea/kernels/ops/algorithm.h>

namespace fovea {

/// What a Prepared is besides where its variant rounds otherwise than the algorithm's others.
class RoundsItsOwnWay {
 public:
  virtual ~RoundsItsOwnWay() = default;
  /// In the place of Algorithm::error_factor, which is then the largest of all variants.
  virtual double error_factor() const = 0;
};

/// What `prepared` says, else `of_algorithm`.
template <class Args>
double error_factor(const Prepared<Args>& prepared, double of_algorithm) {
  const auto* own = dynamic_cast<const RoundsItsOwnWay*>(&prepared);
  return own != nullptr ? own->error_factor() : of_algorithm;
}

}  // namespace fovea
