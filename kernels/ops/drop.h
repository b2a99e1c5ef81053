// drop.h - dropout as an epilogue of a product (+drop): what DropoutProblem says besides its shape.
#pragma once

#include <fovea/core/api.h>

#include <cstdint>
#include <string>

namespace fovea {

struct Epilogue;

/// Of y[n, ...], as DropoutProblem{n, elements of an image, rate, scale, layer} (elementwise.h).
struct Drop {
  float rate = 0.5F, scale = 1.0F;
  std::uint32_t layer = 0;
  friend constexpr bool operator==(const Drop&, const Drop&) = default;
};

/// "+bias+relu+drop0.3:1.25:2": rate, scale and layer, left out where all are as above.
FOVEA_API std::string to_string(const Epilogue& e, const Drop& drop);
/// Takes these numbers out of a problem's text, where "+drop" stays. Throws InvalidArgument.
FOVEA_API Drop take_drop(std::string& text);
/// Throws InvalidArgument, beginning with `problem`, for a rate outside of [0, 1) or a scale that
/// is not above 0.
FOVEA_API void validate(const Drop& drop, const std::string& problem);

}  // namespace fovea
