// lrn_pool.h - LRN across channels, then max pooling of it, as one op: what lies between them is
// neither written nor read.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>
#include <fovea/kernels/ops/lrn.h>
#include <fovea/kernels/ops/pool.h>

#include <string>
#include <string_view>

namespace fovea {

struct FOVEA_API LrnPoolProblem {
  LrnProblem lrn;
  PoolProblem pool;  // of the same n, c, h, w
  /// dgrad: times (x > 0), ReLU's derivative where x is a ReLU's output.
  Epilogue epilogue{};

  Shape x_shape() const { return lrn.x_shape(); }
  Shape y_shape() const { return pool.y_shape(); }
  friend constexpr bool operator==(const LrnPoolProblem&, const LrnPoolProblem&) = default;
};

FOVEA_API void validate(const LrnPoolProblem& p);
/// "n128c96h55size5a1e-04b0.75k2r3u2+mask": the fields of lrn, then those of maxpool.
FOVEA_API std::string to_string(const LrnPoolProblem& p, bool canonical = false);
/// The inverse, with or without a leading "lrn_pool:"; validates.
FOVEA_API LrnPoolProblem parse_lrn_pool(std::string_view text);

/// y and argmax as MaxPoolForward has them of LrnForward's y.
struct LrnPoolForward {
  using Problem = LrnPoolProblem;
  static constexpr std::string_view kName = "lrn_pool";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x;
    TensorView y, argmax;
    Context context;
  };
};

/// LrnBackward of MaxPoolBackward's dx, with +mask times (x > 0).
struct LrnPoolBackward {
  using Problem = LrnPoolProblem;
  static constexpr std::string_view kName = "lrn_pool";
  static constexpr Pass kPass = Pass::dgrad;
  struct Args {
    TensorView x, argmax, dy;
    TensorView dx;
    Context context;
  };
};

}  // namespace fovea
