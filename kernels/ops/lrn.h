// lrn.h - local response normalisation, Krizhevsky et al. 2012, section 3.3:
//   d = k + a * sum of x^2 over the window,  y = x / d^beta
// across channels (size neighbours in the same group, centred) or within a map (size x size cells).
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>

#include <string>
#include <string_view>

namespace fovea {

struct FOVEA_API LrnProblem {
  int n = 0, c = 0, h = 0, w = 0;
  int size = 5;
  float alpha = 1e-4F, beta = 0.75F, k = 2.0F;
  bool divide = false;  // a = alpha / cells of a full window, as the 2012 code does; else a = alpha
  int groups = 1;       // windows across channels do not cross groups
  bool within = false;  // within maps instead of across channels

  /// The factor of the sum of squares.
  float scale() const {
    if (!divide) return alpha;
    return alpha / static_cast<float>(within ? size * size : size);
  }
  Shape x_shape() const { return {n, h, w, c}; }
  friend constexpr bool operator==(const LrnProblem&, const LrnProblem&) = default;
};

FOVEA_API void validate(const LrnProblem& p);
/// "n128c96h55size5a0.0001b0.75k2g2"; "div1", "within1" where they hold.
FOVEA_API std::string to_string(const LrnProblem& p, bool canonical = false);
/// The inverse, with or without a leading "lrn:"; validates.
FOVEA_API LrnProblem parse_lrn(std::string_view text);

struct LrnForward {
  using Problem = LrnProblem;
  static constexpr std::string_view kName = "lrn";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x;
    TensorView y;
    Context context;
  };
};

/// dx_i = dy_i d_i^-beta - 2 a beta x_i * sum over windows j that hold i of dy_j x_j d_j^(-beta-1)
struct LrnBackward {
  using Problem = LrnProblem;
  static constexpr std::string_view kName = "lrn";
  static constexpr Pass kPass = Pass::dgrad;
  struct Args {
    TensorView x, dy;
    TensorView dx;
    Context context;
  };
};

}  // namespace fovea
