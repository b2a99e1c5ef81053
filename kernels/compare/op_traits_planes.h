// op_traits_planes.h - what a check must know about pooling, LRN and input. Internal.
#pragma once

#include <fovea/kernels/compare/op_case.h>

namespace fovea::compare {

/// A window, where it begins in the plane, and its cells that lie inside: [begin, end) of its rows
/// and columns.
struct CellsInPlane {
  int top, left;
  int row, row_end, column, column_end;
  CellsInPlane(const PoolProblem& p, std::int64_t pixel) {
    top = static_cast<int>(pixel / p.q() % p.p()) * p.u - p.ph.begin;
    left = static_cast<int>(pixel % p.q()) * p.v - p.pw.begin;
    row = std::max(0, -top);
    row_end = std::min(p.r, p.h - top);
    column = std::max(0, -left);
    column_end = std::min(p.s, p.w - left);
  }
  bool hold(int r, int s) const { return r >= row && r < row_end && s >= column && s < column_end; }
};

/// u8 [n,p,q,c]: for each window one of its cells inside the plane, at random.
inline Fill winners(const PoolProblem& p) {
  return [p](HostTensor& t, const FillContext& context) {
    const auto pick = [](std::uint32_t bits, int begin, int end) {
      return begin + static_cast<int>(uniform_below(bits, static_cast<std::uint32_t>(end - begin)));
    };
    std::size_t at = 0;
    for (std::uint8_t& v : t.as<std::uint8_t>()) {
      const Bits4 bits = context.random(at);
      const CellsInPlane cells(p, static_cast<std::int64_t>(at++) / p.c);
      const int row = pick(bits[0], cells.row, cells.row_end);
      const int column = pick(bits[1], cells.column, cells.column_end);
      v = static_cast<std::uint8_t>(row * p.s + column);
    }
  };
}
/// Only such: what wins is a cell that some engines write to.
inline Condition winning_cells(const PoolProblem& p) {
  return {"r_i * " + std::to_string(p.s) + " + s_i, a cell of the window of " +
              std::to_string(p.r) + "x" + std::to_string(p.s) + " that lies inside the plane",
          [p](const HostTensor& t) -> std::optional<std::size_t> {
            std::size_t at = 0;
            for (const std::uint8_t v : t.as<std::uint8_t>()) {
              const CellsInPlane cells(p, static_cast<std::int64_t>(at) / p.c);
              if (!cells.hold(v / p.s, v % p.s)) return at;
              ++at;
            }
            return {};
          }};
}

/// The share of the plane that wins a window in one of so many channels, expected where each draws
/// its winner; the rest of dx is rightly 0.
inline double share_that_wins(const PoolProblem& p, int channels = 1) {
  std::vector<double> loses(static_cast<std::size_t>(p.h) * static_cast<std::size_t>(p.w), 1.0);
  for (std::int64_t pixel = 0; pixel < std::int64_t{p.p()} * p.q(); ++pixel) {
    const CellsInPlane cells(p, pixel);
    const double other =
        1 - 1.0 / ((cells.row_end - cells.row) * (cells.column_end - cells.column));
    for (int r = cells.row; r < cells.row_end; ++r) {
      for (int s = cells.column; s < cells.column_end; ++s) {
        loses[static_cast<std::size_t>(cells.top + r) * static_cast<std::size_t>(p.w) +
              static_cast<std::size_t>(cells.left + s)] *= other;
      }
    }
  }
  double lose = 0;
  for (const double l : loses) lose += std::pow(l, channels);
  return 1 - lose / static_cast<double>(loses.size());
}

/// Windows that hold one cell at most.
inline std::int64_t overlaps(const PoolProblem& p) {
  return std::int64_t{(p.r + p.u - 1) / p.u} * ((p.s + p.v - 1) / p.v);
}

template <>
struct OpTraits<MaxPoolForward> : CommonTraits<MaxPoolForward> {
  using A = MaxPoolForward::Args;
  static Operands operands(const PoolProblem& p) {
    return {{.name = "x", .member = &A::x, .shape = p.x_shape()},
            {.name = "y", .member = &A::y, .role = Role::out, .shape = p.y_shape()},
            {.name = "argmax",
             .member = &A::argmax,
             .role = Role::out,
             .shape = p.y_shape(),
             .dtype = DType::u8}};
  }
  static std::vector<double> tolerance(const MaxPoolForward::Problem&, const CaseValues&,
                                       const CaseValues& reference, std::size_t operand, Math) {
    return none(reference.tensors[operand]);
  }
};

template <>
struct OpTraits<MaxPoolBackward> : CommonTraits<MaxPoolBackward> {
  using A = MaxPoolBackward::Args;
  static double most_zeros(const PoolProblem& p) { return most_zeros_where(share_that_wins(p)); }
  static Operands operands(const PoolProblem& p) {
    return {{.name = "dy", .member = &A::dy, .shape = p.y_shape()},
            {.name = "argmax",
             .member = &A::argmax,
             .shape = p.y_shape(),
             .dtype = DType::u8,
             .fill = winners(p),
             .condition = winning_cells(p)},
            {.name = "dx", .member = &A::dx, .role = Role::out, .shape = p.x_shape()}};
  }
  static std::vector<double> tolerance(const MaxPoolBackward::Problem& p, const CaseValues& in,
                                       const CaseValues&, std::size_t operand, Math) {
    return roundoffs(magnitudes<MaxPoolBackward>(p, in).tensors[operand],
                     sum_error_factor(overlaps(p), Math::fp32));
  }
};

template <>
struct OpTraits<AvgPoolForward> : CommonTraits<AvgPoolForward> {
  using A = AvgPoolForward::Args;
  static bool exact_on_integers(const PoolProblem&) { return false; }  // it divides
  static Operands operands(const PoolProblem& p) {
    return {{.name = "x", .member = &A::x, .shape = p.x_shape()},
            {.name = "y", .member = &A::y, .role = Role::out, .shape = p.y_shape()}};
  }
  static std::vector<double> tolerance(const AvgPoolForward::Problem& p, const CaseValues& in,
                                       const CaseValues&, std::size_t operand, Math) {
    const std::int64_t length = std::int64_t{p.r} * p.s;
    return roundoffs(magnitudes<AvgPoolForward>(p, in).tensors[operand],
                     sum_error_factor(length, Math::fp32) + 2);
  }
};

template <>
struct OpTraits<AvgPoolBackward> : CommonTraits<AvgPoolBackward> {
  using A = AvgPoolBackward::Args;
  static bool exact_on_integers(const PoolProblem&) { return false; }
  static double most_zeros(const PoolProblem& p) {
    return most_zeros_where(covered(row_windows(p)).cells * covered(column_windows(p)).cells);
  }
  static Operands operands(const PoolProblem& p) {
    return {{.name = "dy", .member = &A::dy, .shape = p.y_shape()},
            {.name = "dx", .member = &A::dx, .role = Role::out, .shape = p.x_shape()}};
  }
  static std::vector<double> tolerance(const AvgPoolBackward::Problem& p, const CaseValues& in,
                                       const CaseValues&, std::size_t operand, Math) {
    return roundoffs(magnitudes<AvgPoolBackward>(p, in).tensors[operand],
                     sum_error_factor(overlaps(p), Math::fp32) + 2);
  }
};

/// Units of roundoff of d^-beta: d's own relative error, enlarged beta times, and 16 for the power.
inline double power_error(const LrnProblem& p, double beta) {
  const std::int64_t window = p.within ? std::int64_t{p.size} * p.size : p.size;
  return beta * (sum_error_factor(window, Math::fp32) + 2) + 16;
}

template <>
struct OpTraits<LrnForward> : CommonTraits<LrnForward> {
  using A = LrnForward::Args;
  static bool exact_on_integers(const LrnProblem&) { return false; }
  static Operands operands(const LrnProblem& p) {
    return {{.name = "x", .member = &A::x, .shape = p.x_shape()},
            {.name = "y", .member = &A::y, .role = Role::out, .shape = p.x_shape()}};
  }
  static std::vector<double> tolerance(const LrnForward::Problem& p, const CaseValues&,
                                       const CaseValues& reference, std::size_t operand, Math) {
    return roundoffs(reference.tensors[operand], power_error(p, p.beta) + 1);
  }
};

template <>
struct OpTraits<LrnBackward> : CommonTraits<LrnBackward> {
  using A = LrnBackward::Args;
  static bool exact_on_integers(const LrnProblem&) { return false; }
  static Operands operands(const LrnProblem& p) {
    return {{.name = "x", .member = &A::x, .shape = p.x_shape()},
            {.name = "dy", .member = &A::dy, .shape = p.x_shape()},
            {.name = "dx", .member = &A::dx, .role = Role::out, .shape = p.x_shape()}};
  }
  /// Of |dy| d^-beta + |2 a beta x sum ...|: the op on absolute values has the second term with a
  /// minus, and the first is |dy y / x|.
  static std::vector<double> tolerance(const LrnBackward::Problem& p, const CaseValues& in,
                                       const CaseValues&, std::size_t operand, Math) {
    const CaseValues y = run_reference<LrnForward>(
        p, {{in.tensors[0], HostTensor(DType::f32, p.x_shape())}, in.state});
    HostTensor both = magnitudes<LrnBackward>(p, in).tensors[operand];
    for (std::size_t i = 0; i < both.as<float>().size(); ++i) {
      const float first = std::abs(in.tensors[1].as<float>()[i] * y.tensors[1].as<float>()[i] /
                                   in.tensors[0].as<float>()[i]);
      both.as<float>()[i] = 2 * first - both.as<float>()[i];
    }
    const std::int64_t window = p.within ? std::int64_t{p.size} * p.size : p.size;
    return roundoffs(both, power_error(p, p.beta + 1.0) + sum_error_factor(window, Math::fp32) + 4);
  }
};

template <>
struct OpTraits<LrnPoolForward> : CommonTraits<LrnPoolForward> {
  using A = LrnPoolForward::Args;
  static bool exact_on_integers(const LrnPoolProblem&) { return false; }
  static Operands operands(const LrnPoolProblem& p) {
    return {{.name = "x", .member = &A::x, .shape = p.x_shape()},
            {.name = "y", .member = &A::y, .role = Role::out, .shape = p.y_shape()},
            {.name = "argmax",
             .member = &A::argmax,
             .role = Role::out,
             .shape = p.y_shape(),
             .dtype = DType::u8}};
  }
  /// LRN's of y. Another winner will do where its value is as near as two roundings.
  static std::vector<double> tolerance(const LrnPoolForward::Problem& p, const CaseValues& in,
                                       const CaseValues& reference, std::size_t operand, Math) {
    const double units = power_error(p.lrn, p.lrn.beta) + 1;
    if (operand == 1) return roundoffs(reference.tensors[1], units);
    return {near_ties(p, in, reference, 2 * units * kUnitRoundoff)};
  }

 private:
  /// 255 for each window with a second value that near the greatest, else 0.
  static std::vector<double> near_ties(const LrnPoolProblem& both, const CaseValues& in,
                                       const CaseValues& reference, double near) {
    const PoolProblem& p = both.pool;
    const CaseValues normalised = run_reference<LrnForward>(
        both.lrn, {{in.tensors[0], HostTensor(DType::f32, p.x_shape())}, in.state});
    const auto values = normalised.tensors[1].as<float>();
    std::vector<double> allowed;
    std::size_t at = 0;
    for (const float best : reference.tensors[1].as<float>()) {
      const auto channel = static_cast<int>(static_cast<std::int64_t>(at) % p.c);
      const auto pixel = static_cast<std::int64_t>(at++) / p.c;
      const auto image = pixel / p.q() / p.p();
      const CellsInPlane cells(p, pixel);
      int as_great = 0;
      for (int r = cells.row; r < cells.row_end; ++r) {
        for (int s = cells.column; s < cells.column_end; ++s) {
          const auto index = ((image * p.h + cells.top + r) * p.w + cells.left + s) * p.c + channel;
          const double v = values[static_cast<std::size_t>(index)];
          if (v >= best - near * std::abs(double{best})) ++as_great;
        }
      }
      allowed.push_back(as_great > 1 ? 255.0 : 0.0);
    }
    return allowed;
  }
};

template <>
struct OpTraits<LrnPoolBackward> : CommonTraits<LrnPoolBackward> {
  using A = LrnPoolBackward::Args;
  static bool exact_on_integers(const LrnPoolProblem&) { return false; }
  /// What won spreads to the channels of its window, at the last of them to half so many; half of x
  /// is below 0, which the mask makes 0.
  static double most_zeros(const LrnPoolProblem& p) {
    const int channels = p.lrn.alpha == 0 || p.lrn.within
                             ? 1
                             : std::min((p.lrn.size + 1) / 2, p.lrn.c / p.lrn.groups);
    return most_zeros_where(share_that_wins(p.pool, channels) * (p.epilogue.mask ? 0.5 : 1.0));
  }
  static Operands operands(const LrnPoolProblem& p) {
    return {{.name = "x", .member = &A::x, .shape = p.x_shape()},
            {.name = "argmax",
             .member = &A::argmax,
             .shape = p.y_shape(),
             .dtype = DType::u8,
             .fill = winners(p.pool),
             .condition = winning_cells(p.pool)},
            {.name = "dy", .member = &A::dy, .shape = p.y_shape()},
            {.name = "dx", .member = &A::dx, .role = Role::out, .shape = p.x_shape()}};
  }
  /// LRN's, of the sums of |dy| won, and those sums' own rounding.
  static std::vector<double> tolerance(const LrnPoolBackward::Problem& p, const CaseValues& in,
                                       const CaseValues&, std::size_t operand, Math) {
    const CaseValues won = magnitudes<MaxPoolBackward>(
        p.pool, {{in.tensors[2], in.tensors[1], HostTensor(DType::f32, p.x_shape())}, in.state});
    const CaseValues lrn{{in.tensors[0], won.tensors[2], HostTensor(DType::f32, p.x_shape())},
                         in.state};
    std::vector<double> t =
        OpTraits<LrnBackward>::tolerance(p.lrn, lrn, lrn, operand - 1, Math::fp32);
    const double widen =
        1 + (sum_error_factor(overlaps(p.pool), Math::fp32) + 1) / power_error(p.lrn, p.lrn.beta);
    for (double& v : t) v *= widen;
    return t;
  }
};

/// Share of a crop's rows (or columns) that lie in the picture, where the crop has most of the
/// zeros around it.
inline double least_in_picture(int extent, int pad, int out) {
  int least = out;
  for (int begin = -pad; begin + out <= extent + pad; ++begin) {
    least = std::min(least, std::max(0, std::min(extent, begin + out) - std::max(0, begin)));
  }
  return static_cast<double>(least) / out;
}

template <>
struct OpTraits<InputCast> : CommonTraits<InputCast> {
  using A = InputCast::Args;
  static constexpr bool kNeedsState = true;
  static bool exact_on_integers(const InputProblem&) { return true; }
  static double most_zeros(const InputProblem& p) {
    const double unfolded = static_cast<double>(p.n) * p.out_h * p.out_w * p.c;
    const double of_all = std::min(1.0, unfolded / static_cast<double>(p.y_shape().elements()));
    return most_zeros_where(of_all * least_in_picture(p.h, p.pad, p.out_h) *
                            least_in_picture(p.w, p.pad, p.out_w));
  }
  static Operands operands(const InputProblem& p) {
    // Odd pictures take a mean image, even ones a mean for each channel.
    const Shape mean = p.h % 2 != 0 ? Shape{p.out_h, p.out_w, p.c} : Shape{p.c};
    return {
        {.name = "x", .member = &A::x, .shape = p.x_shape(), .dtype = DType::u8, .fill = pixels()},
        {.name = "mean", .member = &A::mean, .shape = mean, .wide = true},
        {.name = "scale", .member = &A::scale, .shape = {p.c}, .wide = true},
        {.name = "y", .member = &A::y, .role = Role::out, .shape = p.y_shape()}};
  }
  /// The difference and the product are rounded once each: 2 units of (x + |mean|) |scale|, the op
  /// with its mean made negative.
  static std::vector<double> tolerance(const InputCast::Problem& p, const CaseValues& in,
                                       const CaseValues&, std::size_t operand, Math) {
    CaseValues worst = in;
    for (float& v : worst.tensors[1].as<float>()) v = -std::abs(v);
    for (float& v : worst.tensors[2].as<float>()) v = std::abs(v);
    return roundoffs(run_reference<InputCast>(p, worst).tensors[operand], 3);
  }
};

}  // namespace fovea::compare
