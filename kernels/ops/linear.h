// linear.h - the fully connected layer: y[m,n] = x[m,k] w[n,k]^T (+ b[n]).
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>
#include <fovea/kernels/ops/conv.h>

#include <string>
#include <string_view>

namespace fovea {

struct FOVEA_API LinearProblem {
  int m = 0, n = 0, k = 0;  // rows (batch), outputs, inputs
  Epilogue epilogue{};
  Drop drop{};  // with +drop
  constexpr std::int64_t flops() const { return 2LL * m * n * k; }
  Shape x_shape() const { return {m, k}; }
  Shape w_shape() const { return {n, k}; }
  Shape y_shape() const { return {m, n}; }
  friend constexpr bool operator==(const LinearProblem&, const LinearProblem&) = default;
};

FOVEA_API void validate(const LinearProblem& p);
/// "m128n4096k9216+bias+relu"
FOVEA_API std::string to_string(const LinearProblem& p, bool canonical = false);
/// The inverse, with or without a leading "gemm:"; validates.
FOVEA_API LinearProblem parse_linear(std::string_view text);

struct LinearForward {
  using Problem = LinearProblem;
  static constexpr std::string_view kName = "gemm";
  static constexpr Pass kPass = Pass::forward;
  static constexpr bool kHasProducts = true;
  struct Args {
    TensorView x, w, b;  // b with +bias only
    TensorView y;
    Context context;
  };
};

/// dx[m,k] = dy[m,n] w[n,k]
struct LinearDgrad {
  using Problem = LinearProblem;
  static constexpr std::string_view kName = "gemm";
  static constexpr Pass kPass = Pass::dgrad;
  static constexpr bool kHasProducts = true;
  struct Args {
    TensorView dy, w, mask;  // mask with +mask only: y of the ReLU below
    TensorView dx;
    Context context;
  };
};

/// dw[n,k] = dy[m,n]^T x[m,k]; db[n] = sum over m of dy
struct LinearWgrad {
  using Problem = LinearProblem;
  static constexpr std::string_view kName = "gemm";
  static constexpr Pass kPass = Pass::wgrad;
  static constexpr bool kHasProducts = true;
  struct Args {
    TensorView x, dy;
    TensorView dw, db;  // db with +db only
    Context context;
  };
};

}  // namespace fovea
