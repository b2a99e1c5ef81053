// conv.h - convolution: x[n,h,w,c] * w[k,r,s,c/groups] -> y[n,p,q,k], cross-correlation.
//   y[n,i,j,f] = sum over r, s, c of  x[n, i*u - ph.begin + r*dh, j*v - pw.begin + s*dw, c]
//   w[f,r,s,c]
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/kernels/ops/algorithm.h>
#include <fovea/kernels/ops/drop.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace fovea {

/// Zeros before and after an axis.
struct Padding {
  int begin = 0, end = 0;
  friend constexpr bool operator==(const Padding&, const Padding&) = default;
};

/// What happens to a result before it is stored; part of the problem. Each belongs to a pass:
/// forward bias, relu, tanh, drop; dgrad mask, acc; wgrad db, acc, sgd. They apply in the order of
/// these fields: dgrad +mask+acc is old + (y_below > 0 ? sum : 0), wgrad +db+acc adds to db too.
struct Epilogue {
  bool bias = false;  // + b[k]
  bool relu = false;  // max(0, .) after the bias
  bool tanh = false;  // tanh after the bias
  bool drop = false;  // dropout after the activation: drop.h
  bool mask = false;  // dgrad: times (y_below > 0), ReLU's derivative of the layer below
  bool acc = false;   // dgrad, wgrad: added to what the output holds
  bool db = false;    // wgrad: the bias gradient too
  bool sgd = false;   // wgrad: the update at once
  friend constexpr bool operator==(const Epilogue&, const Epilogue&) = default;
};

/// "+bias+relu"; "" where there is none.
FOVEA_API std::string to_string(const Epilogue& e);
/// Yes if every epilogue in `wanted` is one of `offered`; else which one is not.
FOVEA_API Verdict covers(const Epilogue& offered, const Epilogue& wanted);

struct FOVEA_API ConvProblem {
  int n = 0, c = 0, h = 0, w = 0;  // batch, input channels, height, width
  int k = 0, r = 0, s = 0;         // filters, filter height and width
  int u = 1, v = 1;                // stride
  Padding ph{}, pw{};
  int dh = 1, dw = 1;  // dilation: 1 = none
  int groups = 1;
  Epilogue epilogue{};
  Drop drop{};  // with +drop
  /// forward, wgrad: x lies in format s2d2 or s2d4, as the stride says, padding included: u x v
  /// pixels became one (space_to_depth.h); in forward w too. Text: "+s2d".
  bool s2d = false;

  constexpr int p() const { return (h + ph.begin + ph.end - dh * (r - 1) - 1) / u + 1; }
  constexpr int q() const { return (w + pw.begin + pw.end - dw * (s - 1) - 1) / v + 1; }
  constexpr int c_per_group() const { return c / groups; }
  constexpr int k_per_group() const { return k / groups; }
  /// Floating-point operations of one pass: 2 for each multiply-add.
  constexpr std::int64_t flops() const { return 2LL * n * k * p() * q() * (c / groups) * r * s; }
  /// As x lies in memory.
  Shape x_shape() const {
    if (s2d) return {n, p() + (r + u - 1) / u - 1, q() + (s + v - 1) / v - 1, c * u * v};
    return {n, h, w, c};
  }
  Shape w_shape() const { return {k, r, s, c / groups}; }
  Shape y_shape() const { return {n, p(), q(), k}; }
  friend constexpr bool operator==(const ConvProblem&, const ConvProblem&) = default;
};

constexpr ConvProblem kAlexConv1{
    .n = 128, .c = 3, .h = 227, .w = 227, .k = 96, .r = 11, .s = 11, .u = 4, .v = 4};
static_assert(kAlexConv1.p() == 55 && kAlexConv1.flops() == 26'986'291'200);

/// Refuses an impossible problem (InvalidArgument): no output, groups that do not divide, sizes
/// out of range. Every problem that reaches an algorithm passed this.
FOVEA_API void validate(const ConvProblem& p);

/// "n128c3h227k96r11u4": defaults left out; `canonical`: every field.
FOVEA_API std::string to_string(const ConvProblem& p, bool canonical = false);
/// The inverse, with or without a leading "conv:"; validates.
FOVEA_API ConvProblem parse_conv(std::string_view text);

struct ConvForward {
  using Problem = ConvProblem;
  static constexpr std::string_view kName = "conv";
  static constexpr Pass kPass = Pass::forward;
  static constexpr bool kHasProducts = true;
  struct Args {
    TensorView x, w, b;  // w in forward_w_shape() (space_to_depth.h); b with +bias only
    TensorView y;
    Context context;
  };
};

/// dx = dy correlated with w turned: the input gradient.
struct ConvDgrad {
  using Problem = ConvProblem;
  static constexpr std::string_view kName = "conv";
  static constexpr Pass kPass = Pass::dgrad;
  static constexpr bool kHasProducts = true;
  struct Args {
    TensorView dy, w, mask;  // mask with +mask only: y of the ReLU below, shape of x
    TensorView dx;
    Context context;
  };
};

/// dw (and db) summed over batch and pixels, in a fixed order.
struct ConvWgrad {
  using Problem = ConvProblem;
  static constexpr std::string_view kName = "conv";
  static constexpr Pass kPass = Pass::wgrad;
  static constexpr bool kHasProducts = true;
  struct Args {
    TensorView x, dy;
    TensorView dw, db;  // db with +db only
    Context context;
  };
};

}  // namespace fovea
