// op_traits_products.h - what a check must know about the sums of products. Internal.
#pragma once

#include <fovea/kernels/compare/op_case.h>
#include <fovea/kernels/cpu/reference/bounds.h>
#include <fovea/kernels/ops/space_to_depth.h>

namespace fovea::compare {

/// The share of sums that their epilogue does not make 0: of a ReLU's half, of its derivative three
/// quarters, as relu_output() has them; none is where the result is added to what was there.
inline double share_left_by(const Epilogue& e) {
  if (e.acc) return 1;
  return (e.relu ? 0.5 : 1.0) * (e.mask ? 0.75 : 1.0);
}

/// The same with +drop.
template <class Problem>
double share_left(const Problem& p) {
  return share_left_by(p.epilogue) * (p.epilogue.drop ? 1.0 - double{p.drop.rate} : 1.0);
}

/// Forward, dgrad, wgrad of a problem with x_shape(), w_shape(), y_shape() and an epilogue.
template <class Op>
struct ProductTraits : CommonTraits<Op> {
  using Problem = typename Op::Problem;
  static bool exact_on_integers(const Problem& p) { return !p.epilogue.tanh; }
  static double most_zeros(const Problem& p) { return most_zeros_where(share_left(p)); }
  static CaseValues absolute_sums(const Problem& p, const CaseValues& in) {
    Problem linear = p;
    linear.epilogue.tanh = false;
    return magnitudes<Op>(linear, in);
  }
  /// The error of the sum (tanh never enlarges it), and tanh's own, 8 units.
  static std::vector<double> sum_tolerance(const Problem& p, const CaseValues& sums,
                                           const CaseValues& reference, std::size_t operand,
                                           Math math) {
    // A bias gradient is a sum over the batch like dw, but of single values.
    const double factor = sum_error_factor(sum_length(p, Op::kPass), math) + 2;
    std::vector<double> t = roundoffs(sums.tensors[operand], factor);
    if (p.epilogue.tanh) {
      const std::vector<double> of_tanh = roundoffs(reference.tensors[operand], 8);
      for (std::size_t i = 0; i < t.size(); ++i) t[i] += of_tanh[i];
    }
    return t;
  }
};

inline Shape forward_w_shape(const LinearProblem& p) { return p.w_shape(); }

template <class Op>
struct ForwardProductTraits : ProductTraits<Op> {
  static constexpr bool kNeedsState = true;  // +drop
  static auto operands(const typename Op::Problem& p) {
    using A = typename Op::Args;
    std::vector<Operand> o = {{.name = "x", .member = &A::x, .shape = p.x_shape()},
                              {.name = "w", .member = &A::w, .shape = forward_w_shape(p)}};
    if (p.epilogue.bias) {
      o.push_back({.name = "b", .member = &A::b, .shape = {p.w_shape()[0]}, .wide = true});
    }
    o.push_back({.name = "y", .member = &A::y, .role = Role::out, .shape = p.y_shape()});
    return o;
  }
};

template <class Op>
struct DgradProductTraits : ProductTraits<Op> {
  static auto operands(const typename Op::Problem& p) {
    using A = typename Op::Args;
    std::vector<Operand> o = {{.name = "dy", .member = &A::dy, .shape = p.y_shape()},
                              {.name = "w", .member = &A::w, .shape = p.w_shape()}};
    if (p.epilogue.mask) {
      o.push_back(
          {.name = "mask", .member = &A::mask, .shape = p.x_shape(), .fill = relu_output()});
    }
    o.push_back({.name = "dx",
                 .member = &A::dx,
                 .role = p.epilogue.acc ? Role::in_out : Role::out,
                 .shape = p.x_shape()});
    return o;
  }
};

template <class Op>
struct WgradProductTraits : ProductTraits<Op> {
  static auto operands(const typename Op::Problem& p) {
    using A = typename Op::Args;
    const Role role = p.epilogue.acc ? Role::in_out : Role::out;
    std::vector<Operand> o = {{.name = "x", .member = &A::x, .shape = p.x_shape()},
                              {.name = "dy", .member = &A::dy, .shape = p.y_shape()},
                              {.name = "dw", .member = &A::dw, .role = role, .shape = p.w_shape()}};
    if (p.epilogue.db) {
      o.push_back(
          {.name = "db", .member = &A::db, .role = role, .shape = {p.w_shape()[0]}, .wide = true});
    }
    return o;
  }
};

template <>
struct OpTraits<ConvForward> : ForwardProductTraits<ConvForward> {
  /// A window that sees only padding gives 0, but for the bias.
  static double most_zeros(const ConvProblem& p) {
    const double sees =
        p.epilogue.bias ? 1 : covered(row_windows(p)).windows * covered(column_windows(p)).windows;
    return most_zeros_where(sees * share_left(p));
  }
};
template <>
struct OpTraits<ConvDgrad> : DgradProductTraits<ConvDgrad> {
  /// What no window covers gets 0, or stays what it is.
  static double most_zeros(const ConvProblem& p) {
    const double seen =
        p.epilogue.acc ? 1 : covered(row_windows(p)).cells * covered(column_windows(p)).cells;
    return most_zeros_where(seen * share_left_by(p.epilogue));
  }
};
template <>
struct OpTraits<ConvWgrad> : WgradProductTraits<ConvWgrad> {
  /// A tap that only ever meets padding gets 0, or stays what it is.
  static double most_zeros(const ConvProblem& p) {
    const double sees =
        p.epilogue.acc ? 1 : covered(row_windows(p)).taps * covered(column_windows(p)).taps;
    return most_zeros_where(sees);
  }
};
template <>
struct OpTraits<LinearForward> : ForwardProductTraits<LinearForward> {};
template <>
struct OpTraits<LinearDgrad> : DgradProductTraits<LinearDgrad> {};
template <>
struct OpTraits<LinearWgrad> : WgradProductTraits<LinearWgrad> {};

}  // namespace fovea::compare
