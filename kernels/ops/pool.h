// pool.h - max and average pooling over windows of a plane: x[n,h,w,c] -> y[n,p,q,c].
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>
#include <fovea/kernels/ops/conv.h>

#include <string>
#include <string_view>

namespace fovea {

struct FOVEA_API PoolProblem {
  int n = 0, c = 0, h = 0, w = 0;
  int r = 0, s = 0;  // window
  int u = 1, v = 1;  // stride
  Padding ph{}, pw{};
  /// Whether a last window that hangs over the padded edge counts; it must start inside the plane
  /// or its leading padding.
  bool ceil = false;
  /// Average only: divide by the window's cells in the padded plane (true), or in the plane itself.
  bool count_padding = true;

  int p() const { return extent(h, ph, r, u); }
  int q() const { return extent(w, pw, s, v); }
  Shape x_shape() const { return {n, h, w, c}; }
  Shape y_shape() const { return {n, p(), q(), c}; }
  friend constexpr bool operator==(const PoolProblem&, const PoolProblem&) = default;

 private:
  int extent(int in, Padding pad, int window, int stride) const;
};

/// Refuses impossible problems, windows of more than 255 cells (the recorded position is a byte),
/// and padding as large as the window (a window would see nothing).
FOVEA_API void validate(const PoolProblem& p);
/// "n128c96h55r3u2", with "ceil1" and "pad0" where they are not the default.
FOVEA_API std::string to_string(const PoolProblem& p, bool canonical = false);
/// The inverse, with or without a leading "maxpool:" or "avgpool:"; validates.
FOVEA_API PoolProblem parse_pool(std::string_view text);

/// argmax: u8 [n,p,q,c], the winner's place in its window, r_i * s + s_i; the first of equals wins;
/// padding never wins; NaN wins over all (the first NaN).
struct MaxPoolForward {
  using Problem = PoolProblem;
  static constexpr std::string_view kName = "maxpool";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x;
    TensorView y, argmax;
    Context context;
  };
};

/// dx = sum of dy over the windows that the cell won.
struct MaxPoolBackward {
  using Problem = PoolProblem;
  static constexpr std::string_view kName = "maxpool";
  static constexpr Pass kPass = Pass::dgrad;
  struct Args {
    TensorView dy, argmax;
    TensorView dx;
    Context context;
  };
};

struct AvgPoolForward {
  using Problem = PoolProblem;
  static constexpr std::string_view kName = "avgpool";
  static constexpr Pass kPass = Pass::forward;
  struct Args {
    TensorView x;
    TensorView y;
    Context context;
  };
};

struct AvgPoolBackward {
  using Problem = PoolProblem;
  static constexpr std::string_view kName = "avgpool";
  static constexpr Pass kPass = Pass::dgrad;
  struct Args {
    TensorView dy;
    TensorView dx;
    Context context;
  };
};

}  // namespace fovea
