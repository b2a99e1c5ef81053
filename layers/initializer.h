// initializer.h - how a parameter starts: a value, and a function of (seed, parameter, element).
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/shape.h>

#include <cstdint>
#include <span>

namespace fovea {

struct Initializer {
  enum class Kind : std::uint8_t { constant, gaussian, uniform };
  Kind kind = Kind::constant;
  float value = 0.0F;  // the constant; the standard deviation; the half width of the interval

  static Initializer constant(float v) { return {Kind::constant, v}; }
  static Initializer gaussian(float deviation) { return {Kind::gaussian, deviation}; }
  /// Uniform in [-half_width, half_width).
  static Initializer uniform(float half_width) { return {Kind::uniform, half_width}; }
  /// He et al. 2015 (arXiv 1502.01852), eq. 10: gaussian with deviation sqrt(2 / fan_in), for
  /// layers followed by ReLU.
  FOVEA_API static Initializer he(std::int64_t fan_in);
  /// Uniform with half width 1 / sqrt(fan_in), as torchvision's AlexNet starts.
  FOVEA_API static Initializer fan_in_uniform(std::int64_t fan_in);
  friend bool operator==(const Initializer&, const Initializer&) = default;
};

/// Fills the elements of parameter number `parameter`; the same bits for any order of calls.
FOVEA_API void fill(const Initializer& how, std::uint64_t seed, std::uint32_t parameter,
                    std::span<float> elements);

}  // namespace fovea
