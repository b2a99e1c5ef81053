// op_traits_products.h - what a check must know about the sums of products. Internal.
#pragma once

#include <fovea/kernels/compare/op_case.h>
#include <fovea/kernels/cpu/reference/bounds.h>

namespace fovea::compare {

/// Forward, dgrad, wgrad of a problem with x_shape(), w_shape(), y_shape() and an epilogue.
template <class Op>
struct ProductTraits : CommonTraits<Op> {
  using Problem = typename Op::Problem;
  static bool exact_on_integers(const Problem& p) { return !p.epilogue.tanh; }
  /// The error of the sum (tanh never enlarges it), and tanh's own, 8 units.
  static std::vector<double> tolerance(const Problem& p, const CaseValues& in,
                                       const CaseValues& reference, std::size_t operand,
                                       Math math) {
    Problem linear = p;
    linear.epilogue.tanh = false;
    // A bias gradient is a sum over the batch like dw, but of single values.
    const double factor = sum_error_factor(sum_length(p, Op::kPass), math) + 2;
    std::vector<double> t = roundoffs(magnitudes<Op>(linear, in).tensors[operand], factor);
    if (p.epilogue.tanh) {
      const std::vector<double> of_tanh = roundoffs(reference.tensors[operand], 8);
      for (std::size_t i = 0; i < t.size(); ++i) t[i] += of_tanh[i];
    }
    return t;
  }
};

template <class Op>
struct ForwardProductTraits : ProductTraits<Op> {
  static auto operands(const typename Op::Problem& p) {
    using A = typename Op::Args;
    std::vector<Operand> o = {{.name = "x", .member = &A::x, .shape = p.x_shape()},
                              {.name = "w", .member = &A::w, .shape = p.w_shape()}};
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

/// Cells that no filter tap reaches, or that see only padding, are rightly 0.
inline double most_zeros_of(const ConvProblem& p) {
  const bool sparse = p.u > p.r || p.v > p.s || p.dh > 1 || p.dw > 1 || p.ph.begin >= p.r ||
                      p.ph.end >= p.r || p.pw.begin >= p.s || p.pw.end >= p.s || p.u > 2 ||
                      p.h < p.r || p.w < p.s;
  return sparse ? 1.0 : 0.75;
}

template <>
struct OpTraits<ConvForward> : ForwardProductTraits<ConvForward> {
  static double most_zeros(const ConvProblem& p) { return most_zeros_of(p); }
};
template <>
struct OpTraits<ConvDgrad> : DgradProductTraits<ConvDgrad> {
  static double most_zeros(const ConvProblem& p) { return most_zeros_of(p); }
};
template <>
struct OpTraits<ConvWgrad> : WgradProductTraits<ConvWgrad> {
  static double most_zeros(const ConvProblem& p) { return most_zeros_of(p); }
};
template <>
struct OpTraits<LinearForward> : ForwardProductTraits<LinearForward> {};
template <>
struct OpTraits<LinearDgrad> : DgradProductTraits<LinearDgrad> {};
template <>
struct OpTraits<LinearWgrad> : WgradProductTraits<LinearWgrad> {};

}  // namespace fovea::compare
