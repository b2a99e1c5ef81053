// op_traits_values.h - what a check must know about elementwise ops, losses and the update.
// Internal.
#pragma once

#include <fovea/kernels/compare/op_case.h>

#include <cstring>

namespace fovea::compare {

template <>
struct OpTraits<ActivationForward> : CommonTraits<ActivationForward> {
  using A = ActivationForward::Args;
  static bool exact_on_integers(const Problem& p) { return p.kind == Activation::relu; }
  static Operands operands(const Problem& p) {
    return {{.name = "x", .member = &A::x, .shape = {p.count}},
            {.name = "y", .member = &A::y, .role = Role::out, .shape = {p.count}, .may_be = "x"}};
  }
  static std::vector<double> tolerance(const ActivationForward::Problem& p, const CaseValues&,
                                       const CaseValues& reference, std::size_t operand, Math) {
    if (p.kind == Activation::relu) return none(reference.tensors[operand]);
    return roundoffs(reference.tensors[operand], 8);
  }
};

template <>
struct OpTraits<ActivationBackward> : CommonTraits<ActivationBackward> {
  using A = ActivationBackward::Args;
  static bool exact_on_integers(const Problem& p) { return p.kind == Activation::relu; }
  static Operands operands(const Problem& p) {
    return {
        {.name = "dy", .member = &A::dy, .shape = {p.count}},
        {.name = "y",
         .member = &A::y,
         .shape = {p.count},
         .fill = p.kind == Activation::relu ? relu_output() : tanh_output()},
        {.name = "dx", .member = &A::dx, .role = Role::out, .shape = {p.count}, .may_be = "dy"}};
  }
  /// tanh: y^2, 1 - y^2 and the product round once each, at most 1 in size: 3 units of |dy|.
  static std::vector<double> tolerance(const ActivationBackward::Problem& p, const CaseValues& in,
                                       const CaseValues& reference, std::size_t operand, Math) {
    if (p.kind == Activation::relu) return none(reference.tensors[operand]);
    return roundoffs(in.tensors[0], 3);
  }
};

/// Ops of one rounding for each element: any engine gives the reference's bits.
template <class Op>
struct OneRounding : CommonTraits<Op> {
  static std::vector<double> tolerance(const typename Op::Problem&, const CaseValues&,
                                       const CaseValues& reference, std::size_t operand, Math) {
    return none(reference.tensors[operand]);
  }
};

template <>
struct OpTraits<Scale> : OneRounding<Scale> {
  using A = Scale::Args;
  static Operands operands(const ScaleProblem& p) {
    return {{.name = "x", .member = &A::x, .shape = {p.count}},
            {.name = "y", .member = &A::y, .role = Role::out, .shape = {p.count}, .may_be = "x"}};
  }
};

template <>
struct OpTraits<Add> : OneRounding<Add> {
  using A = Add::Args;
  static Operands operands(const AddProblem& p) {
    return {{.name = "a", .member = &A::a, .shape = {p.count}},
            {.name = "b", .member = &A::b, .shape = {p.count}},
            {.name = "y", .member = &A::y, .role = Role::out, .shape = {p.count}, .may_be = "a"}};
  }
};

template <>
struct OpTraits<AddBias> : OneRounding<AddBias> {
  using A = AddBias::Args;
  static Operands operands(const BiasProblem& p) {
    const Shape rows{p.rows, p.channels};
    return {{.name = "x", .member = &A::x, .shape = rows},
            {.name = "b", .member = &A::b, .shape = {p.channels}, .wide = true},
            {.name = "y", .member = &A::y, .role = Role::out, .shape = rows, .may_be = "x"}};
  }
};

template <>
struct OpTraits<BiasGradient> : CommonTraits<BiasGradient> {
  using A = BiasGradient::Args;
  static Operands operands(const BiasProblem& p) {
    return {
        {.name = "dy", .member = &A::dy, .shape = {p.rows, p.channels}},
        {.name = "db", .member = &A::db, .role = Role::out, .shape = {p.channels}, .wide = true}};
  }
  static std::vector<double> tolerance(const BiasGradient::Problem& p, const CaseValues& in,
                                       const CaseValues&, std::size_t operand, Math) {
    return roundoffs(magnitudes<BiasGradient>(p, in).tensors[operand],
                     sum_error_factor(p.rows, Math::fp32));
  }
};

template <>
struct OpTraits<Dropout> : OneRounding<Dropout> {
  using A = Dropout::Args;
  static constexpr bool kNeedsState = true;
  static double most_zeros(const DropoutProblem& p) { return most_zeros_where(1.0 - p.rate); }
  static Operands operands(const DropoutProblem& p) {
    const Shape rows{p.images, p.per_image};
    return {{.name = "x", .member = &A::x, .shape = rows},
            {.name = "y", .member = &A::y, .role = Role::out, .shape = rows, .may_be = "x"}};
  }
};

/// exp of a difference below 10 in size is right to 16 units; then a sum of c terms and a division.
inline double softmax_error(const LossProblem& p) {
  return sum_error_factor(p.c, Math::fp32) + 2 * 16;
}

/// A state in which the last of three rows and more does not count.
template <class Op>
struct LossTraits : CommonTraits<Op> {
  static constexpr bool kNeedsState = true;
  static bool exact_on_integers(const LossProblem&) { return false; }
  static StepState state(const LossProblem& p) {
    StepState s = CommonTraits<Op>::state(p);
    s.valid = p.n >= 3 ? p.n - 1 : p.n;
    return s;
  }
};

template <>
struct OpTraits<Softmax> : CommonTraits<Softmax> {
  using A = Softmax::Args;
  static bool exact_on_integers(const LossProblem&) { return false; }
  static Operands operands(const LossProblem& p) {
    return {{.name = "x", .member = &A::x, .shape = {p.n, p.c}},
            {.name = "y", .member = &A::y, .role = Role::out, .shape = {p.n, p.c}, .wide = true}};
  }
  static std::vector<double> tolerance(const Softmax::Problem& p, const CaseValues&,
                                       const CaseValues& reference, std::size_t operand, Math) {
    return roundoffs(reference.tensors[operand], softmax_error(p));
  }
};

template <>
struct OpTraits<SoftmaxLoss> : LossTraits<SoftmaxLoss> {
  using A = SoftmaxLoss::Args;
  static Operands operands(const LossProblem& p) {
    return {
        {.name = "x", .member = &A::x, .shape = {p.n, p.c}},
        {.name = "labels",
         .member = &A::labels,
         .shape = {p.n},
         .dtype = DType::i32,
         .fill = labels(p.c),
         .condition = classes(p.c)},
        {.name = "probability",
         .member = &A::probability,
         .role = Role::out,
         .shape = {p.n, p.c},
         .wide = true},
        {.name = "metrics", .member = &A::metrics, .role = Role::out, .shape = {4}, .wide = true}};
  }
  /// The mean loss: each row's log of the sum and its score (below 4 in size, plus log c), then a
  /// sum of n. Counts are exact.
  static std::vector<double> tolerance(const SoftmaxLoss::Problem& p, const CaseValues&,
                                       const CaseValues& reference, std::size_t operand, Math) {
    const double units = softmax_error(p);
    if (operand == 2) return roundoffs(reference.tensors[2], units);
    const double size = 4 + 4 + std::log(p.c);
    const double of_sum = sum_error_factor(p.n, Math::fp32);
    return {(units + of_sum * size + 4 * size) * kUnitRoundoff, 0, 0, 0};
  }
};

template <>
struct OpTraits<SoftmaxLossBackward> : LossTraits<SoftmaxLossBackward> {
  using A = SoftmaxLossBackward::Args;
  static Operands operands(const LossProblem& p) {
    return {{.name = "probability",
             .member = &A::probability,
             .shape = {p.n, p.c},
             .fill = fractions(),
             .wide = true},
            {.name = "labels",
             .member = &A::labels,
             .shape = {p.n},
             .dtype = DType::i32,
             .fill = labels(p.c),
             .condition = classes(p.c)},
            {.name = "dx", .member = &A::dx, .role = Role::out, .shape = {p.n, p.c}}};
  }
  /// The difference, and a division or the product with a rounded reciprocal.
  static std::vector<double> tolerance(const SoftmaxLossBackward::Problem&, const CaseValues&,
                                       const CaseValues& reference, std::size_t operand, Math) {
    return roundoffs(reference.tensors[operand], 4);
  }
};

template <>
struct OpTraits<MseLoss> : LossTraits<MseLoss> {
  using A = MseLoss::Args;
  static Operands operands(const LossProblem& p) {
    return {
        {.name = "x", .member = &A::x, .shape = {p.n, p.c}},
        {.name = "target", .member = &A::target, .shape = {p.n, p.c}, .wide = true},
        {.name = "metrics", .member = &A::metrics, .role = Role::out, .shape = {4}, .wide = true}};
  }
  static std::vector<double> tolerance(const MseLoss::Problem& p, const CaseValues&,
                                       const CaseValues& reference, std::size_t operand, Math) {
    const std::int64_t length = std::int64_t{p.n} * p.c;
    return roundoffs(reference.tensors[operand], sum_error_factor(length, Math::fp32) + 4);
  }
};

template <>
struct OpTraits<MseLossBackward> : LossTraits<MseLossBackward> {
  using A = MseLossBackward::Args;
  static Operands operands(const LossProblem& p) {
    return {{.name = "x", .member = &A::x, .shape = {p.n, p.c}},
            {.name = "target", .member = &A::target, .shape = {p.n, p.c}, .wide = true},
            {.name = "dx", .member = &A::dx, .role = Role::out, .shape = {p.n, p.c}}};
  }
  static std::vector<double> tolerance(const MseLossBackward::Problem&, const CaseValues&,
                                       const CaseValues& reference, std::size_t operand, Math) {
    return roundoffs(reference.tensors[operand], 4);
  }
};

template <>
struct OpTraits<RecordMetrics> : OneRounding<RecordMetrics> {
  using A = RecordMetrics::Args;
  static constexpr bool kNeedsState = true;
  static StepState state(const LossProblem& p) {
    StepState s = CommonTraits<RecordMetrics>::state(p);
    s.slot = p.n - 1;
    s.nonfinite = static_cast<std::uint32_t>(p.n % 2);
    return s;
  }
  static Operands operands(const LossProblem& p) {
    return {{.name = "metrics", .member = &A::metrics, .shape = {4}, .wide = true},
            {.name = "ring",
             .member = &A::ring,
             .role = Role::in_out,
             .shape = {p.n, RecordMetrics::kFields},
             .wide = true}};
  }
};

/// Parameters of uneven lengths, each padded; the last one frozen where there are several.
inline std::vector<Segment> seeded_segments(const UpdateProblem& p) {
  std::vector<Segment> segments;
  const std::int64_t room = p.count / p.segments / kParameterAlignment * kParameterAlignment;
  for (int i = 0; i < p.segments; ++i) {
    Segment s;
    s.offset = i * room;
    s.length = room - i % 7;
    s.rate = i % 2 == 0 ? 1.0F : 2.0F;
    s.decay = i % 3 == 0 ? 0.5F : 0.0F;
    s.frozen = p.segments > 2 && i == p.segments - 1 ? 1 : 0;
    segments.push_back(s);
  }
  return segments;
}

/// The bytes of such a table: what one names lies in the block, in order, and belongs to it alone.
inline Condition segments_within(const UpdateProblem& p) {
  const auto first_bad = [p](const HostTensor& t) -> std::optional<std::size_t> {
    std::vector<Segment> table(static_cast<std::size_t>(p.segments));
    std::memcpy(table.data(), t.bytes.data(), t.bytes.size());
    const bool descending = table.front().offset > table.back().offset;
    std::int64_t end = 0;  // of the one before
    for (std::size_t i = 0; i < table.size(); ++i) {
      const std::size_t at = descending ? table.size() - 1 - i : i;
      const Segment& s = table[at];
      const bool in_order = i == 0 ? s.offset == 0 : s.offset >= std::max(end, std::int64_t{1});
      if (!in_order || s.offset % kParameterAlignment != 0 || s.offset >= p.count || s.length < 0 ||
          s.length > p.count - s.offset) {
        return at * sizeof(Segment);
      }
      end = s.offset + s.length;
    }
    return {};
  };
  return {"the bytes of segments in the order of their offsets, the first 0, each a multiple of " +
              std::to_string(kParameterAlignment) + ", none over another or behind the block",
          first_bad};
}

/// The table of the parameters, which lies at `member` of an op's Args.
inline Operand segments_operand(const UpdateProblem& p, const Place& member) {
  return {.name = "segments",
          .member = member,
          .shape = {p.segments * static_cast<std::int64_t>(sizeof(Segment))},
          .dtype = DType::u8,
          .fill =
              [p](HostTensor& t, const FillContext&) {
                const std::vector<Segment> segments = seeded_segments(p);
                std::memcpy(t.bytes.data(), segments.data(), t.bytes.size());
              },
          .condition = segments_within(p)};
}

template <>
struct OpTraits<SgdUpdate> : CommonTraits<SgdUpdate> {
  using A = SgdUpdate::Args;
  static constexpr bool kNeedsState = true;
  /// Momentum 0.9 is no small integer's friend.
  static bool exact_on_integers(const UpdateProblem& p) { return p.momentum == 0.5F; }
  static Operands operands(const UpdateProblem& p) {
    const auto master = [&p](std::string_view name, Place member) {
      return Operand{
          .name = name, .member = member, .role = Role::in_out, .shape = {p.count}, .wide = true};
    };
    return {{.name = "gradient", .member = &A::gradient, .shape = {p.count}, .wide = true},
            segments_operand(p, &A::segments),
            master("weights", &A::weights),
            master("velocity", &A::velocity)};
  }
  /// Six roundings of momentum |v| + e (decay |w| + |g|): the op on absolute values that climbs.
  static std::vector<double> tolerance(const SgdUpdate::Problem& p, const CaseValues& in,
                                       const CaseValues&, std::size_t operand, Math) {
    CaseValues climbing = in;
    climbing.state.learning_rate = -in.state.learning_rate;
    return roundoffs(magnitudes<SgdUpdate>(p, climbing).tensors[operand], 7);
  }
};

template <>
struct OpTraits<FiniteCheck> : OneRounding<FiniteCheck> {
  using A = FiniteCheck::Args;
  static constexpr bool kNeedsState = true;
  /// Odd problems (by segments) hold one infinite or NaN element.
  static Operands operands(const UpdateProblem& p) {
    const auto fill = [p](HostTensor& t, const FillContext& context) {
      any_values()(t, context);
      if (p.segments % 2 == 0) return;
      const float bad = p.segments % 4 == 1 ? std::numeric_limits<float>::quiet_NaN()
                                            : -std::numeric_limits<float>::infinity();
      t.as<float>()[static_cast<std::size_t>(p.count) * 2 / 3] = bad;
    };
    return {{.name = "gradient",
             .member = &A::gradient,
             .shape = {p.count},
             .fill = fill,
             .wide = true},
            segments_operand(p, &A::segments)};
  }
};

template <>
struct OpTraits<FoldWeights> : OneRounding<FoldWeights> {
  using A = FoldWeights::Args;
  /// What lies behind the filter is 0.
  static double most_zeros(const FoldWeightsProblem& p) {
    return most_zeros_where(static_cast<double>(p.w_shape().elements()) /
                            static_cast<double>(p.ws_shape().elements()));
  }
  static Operands operands(const FoldWeightsProblem& p) {
    return {{.name = "w", .member = &A::w, .shape = p.w_shape()},
            {.name = "ws", .member = &A::ws, .role = Role::out, .shape = p.ws_shape()}};
  }
};

}  // namespace fovea::compare
