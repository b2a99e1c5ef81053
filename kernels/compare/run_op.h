// run_op.h - the rows of one op: checks, times, counts. Internal; each family of ops instantiates
// it in a source file of its own (rows_*.cpp).
#pragma once

#include <fovea/core/error.h>
#include <fovea/kernels/compare/compare.h>
#include <fovea/kernels/compare/counting.h>
#include <fovea/kernels/compare/execution.h>
#include <fovea/kernels/compare/measure.h>
#include <fovea/kernels/compare/patterns.h>
#include <fovea/kernels/emulator/schedule.h>
#include <fovea/kernels/ops/accuracy.h>
#include <fovea/kernels/ops/launch.h>

#include <optional>

namespace fovea::compare {

/// What inputs should give.
template <class Op>
struct Truth {
  Case<Op> reference;
  std::vector<std::vector<double>> allowed;  // by operand; empty: to the bit
};

template <class Op>
Truth<Op> truth_of(const Case<Op>& in, bool exact, Math math) {
  Truth<Op> t{reference_outputs(in), {}};
  if (!exact) t.allowed = allowed_differences(in, t.reference, math);
  return t;
}

/// All rows of one problem in one math mode share the truth, which takes longest.
template <class Op>
class OpRows {
 public:
  using Problem = typename Op::Problem;

  OpRows(const Registry& registry, const Problem& problem, Row blank, const Options& options,
         const Ceilings& ceilings, const std::function<void(const Row&)>& on_row)
      : registry_{registry},
        problem_{problem},
        blank_{std::move(blank)},
        options_{options},
        ceilings_{ceilings},
        on_row_{on_row},
        device_{device_info(options.device)},
        exact_{OpTraits<Op>::exact_on_integers(problem)} {
    if constexpr (requires { problem.flops(); }) blank_.flops = problem.flops();
  }

  std::vector<Row> run() {
    for (const Math math : options_.maths) {
      reals_.reset();
      real_inputs_.reset();
      if (exact_) {  // small integers are the same in every mode, and so is what they give
        if (integers_) integers_->allowed.clear();
      } else {
        integers_.reset();
        integer_inputs_.reset();
      }
      for (const Algorithm<Op>& a : registry_.list<Op>()) {
        if (!contains(a.devices, device_.device.kind()) || has_twin(a, math)) continue;
        rows_of(a, math);
      }
    }
    return std::move(rows_);
  }

  /// Inputs and result of the one algorithm that is admitted.
  std::vector<NamedValues> values(const std::vector<NamedValues>& given) {
    const Math math = options_.maths.front();
    const Algorithm<Op>* only = nullptr;
    for (const Algorithm<Op>& a : registry_.list<Op>()) {
      if (!admits_algorithm(options_, a.engine, a.name) || !verdict(a, problem_, device_, math)) {
        continue;
      }
      if (only != nullptr) throw Unsupported("several algorithms run it: name one with --algo");
      only = &a;
    }
    if (only == nullptr) {
      throw Unsupported("no algorithm that --algo admits runs it; --list says why not");
    }
    Case<Op> c = make_case<Op>(problem_, Values::reals, options_.seed, math);
    const auto operands = OpTraits<Op>::operands(problem_);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (operands[i].role == Role::out) continue;
      take(given, operands[i].name, c.tensors[i]);
    }
    const auto variants = admitted_variants(*only);
    if (variants.empty()) throw Unsupported("no variant of it is called as --algo says");
    Execution<Op> execution(*only, variants.front(), device_, c, false);
    const Case<Op> result = execution.run();
    return named(c, result, "");
  }

 private:
  void rows_of(const Algorithm<Op>& a, Math math) {
    if (!admits_algorithm(options_, a.engine, a.name)) return;
    Row row = blank_;
    row.math = math;
    row.engine = a.engine;
    row.algorithm = a.name;
    row.device = to_string(device_.device);
    stored_ = storage_of(a);
    row.bytes = bytes_of(stored_);
    if (const Verdict v = verdict_of(a, math); !v) {
      row.status = Status::declined;
      row.why = v.why_not;
      row.layout = row.format = "";
      row.reproduce = reproduce(options_, row);
      return add(std::move(row));
    }
    for (const Variant& variant : admitted_variants(a)) {
      Row one = row;
      one.variant = variant;
      one.reproduce = reproduce(options_, one);
      if (!options_.list) fill(a, one);
      add(std::move(one));
    }
  }

  // Whether it computes in another mode, and one of its name in this one: no row of its own.
  bool has_twin(const Algorithm<Op>& a, Math math) const {
    return a.math != math && std::ranges::any_of(registry_.list<Op>(), [&](const Algorithm<Op>& b) {
             return b.engine == a.engine && b.name == a.name && b.math == math;
           });
  }

  // Ops without products run in every mode, and are compared in their own.
  Verdict verdict_of(const Algorithm<Op>& a, Math math) const {
    if (a.math != math) return Verdict::no("computes in " + std::string(name_of(a.math)));
    const Verdict v = verdict(a, problem_, device_, math);
    return v ? offers(a, problem_, device_, options_.limits) : v;
  }

  std::vector<Variant> admitted_variants(const Algorithm<Op>& a) const {
    std::vector<Variant> all = variants_of(a, problem_, device_, options_.limits);
    return admitted(options_, a.engine, a.name, std::move(all));
  }

  void fill(const Algorithm<Op>& a, Row& row) {
    try {
      if (!real_inputs_) {
        real_inputs_ = make_case<Op>(problem_, Values::reals, options_.seed, row.math);
      }
      if (options_.once) {
        Execution<Op>(a, row.variant, device_, *real_inputs_, false).launch_and_wait();
        return;
      }
      if (options_.check) check(a, row);
      if (row.status != Status::ok) return;
      if (device_.device.kind() == DeviceKind::emulated) {
        if (options_.count) count(a, row);
      } else if (options_.time) {
        time(a, row);
      }
    } catch (const std::exception& e) {
      row.status = Status::failed;
      row.why = e.what();
    }
  }

  bool within_limits(const Prepared<typename Op::Args>& prepared, Row& row) const {
    row.workspace_bytes = prepared.workspace_bytes();
    row.deterministic = prepared.deterministic();
    row.why = objection(prepared, options_.limits);
    if (!row.why.empty()) row.status = Status::declined;
    return row.why.empty();
  }

  // Exact on integers, where algorithm and op promise it; bounded on reals.
  void check(const Algorithm<Op>& a, Row& row) {
    find_truth(row.math);
    if (!a.exact_on_integers && integers_->allowed.empty()) {  // a transform with fractions
      integers_->allowed = allowed_differences(*integer_inputs_, integers_->reference, row.math);
    }
    const bool promised = a.exact_on_integers && exact_;
    Execution<Op> execution(a, row.variant, device_, *integer_inputs_, false);
    if (!within_limits(execution.prepared(), row)) return;
    error_factor_ = error_factor(execution.prepared(), a.error_factor);
    note_layout(row, execution.layout());
    const Case<Op> first = execution.run();
    if (promised || !a.exact_on_integers) judge(row, *integers_, first, promised, "integers");
    if (promised) row.exact_on_integers = row.status == Status::ok;
    const bool emulated = device_.device.kind() == DeviceKind::emulated;
    if (row.status == Status::ok && row.deterministic && (!emulated || is_small())) {
      judge_again(row, first, execution.run_again(), "a second run");
    }
    if (row.status == Status::ok && emulated && is_small()) check_schedules(execution, row, first);
    check_replay(execution, row, first);
    note_faults(row, execution);
    if (row.status != Status::ok) return;

    // On the emulator in another order of threads, with copies as late as they may be: a race that
    // the usual order hides comes out here.
    std::optional<ScopedSchedule> order;
    if (emulated) order.emplace(kLate);
    Execution<Op> on_reals(a, row.variant, device_, *real_inputs_, false);
    const Case<Op> got = on_reals.run();
    judge(row, *reals_, got, false, emulated ? "reals, threads in reverse" : "reals");
    note_faults(row, on_reals);
    if (row.status == Status::ok) {
      row.why = why_not_telling(got);
      if (!row.why.empty()) row.status = Status::mistrusted;
    }
  }

  void find_truth(Math math) {
    if (!integers_) {
      integer_inputs_ = make_case<Op>(problem_, Values::integers, options_.seed, math);
      integers_ = truth_of(*integer_inputs_, exact_, math);
    }
    if (!reals_) reals_ = truth_of(*real_inputs_, false, math);
  }

  // The emulator's matrix operations are synchronous, so that half of the product is the other
  // half.
  void check_schedules(Execution<Op>& execution, Row& row, const Case<Op>& first) {
    for (const Schedule& s : all_schedules()) {
      if (s.copies != s.matrix) continue;
      const ScopedSchedule scoped(s);
      judge_again(row, first, execution.run_again(), "threads " + to_string(s));
      if (row.status != Status::ok) return;
    }
  }

  void check_replay(Execution<Op>& execution, Row& row, const Case<Op>& first) {
    const DeviceKind kind = device_.device.kind();
    if (row.status != Status::ok || kind == DeviceKind::cpu) return;
    if (kind == DeviceKind::emulated && !is_small()) return;
    const auto again = execution.replay();
    if (again && row.deterministic) judge_again(row, first, *again, "recorded and replayed, it");
  }

  void judge(Row& row, const Truth<Op>& truth, const Case<Op>& got, bool exact,
             const std::string& on) {
    const auto operands = OpTraits<Op>::operands(problem_);
    const auto& allowed = exact ? kToTheBit : truth.allowed;
    for (const auto& o :
         output_differences(got, truth.reference, allowed, stored_, error_factor_)) {
      const Difference& d = o.difference;
      if (!exact) {
        row.max_abs_error = std::max(row.max_abs_error.value_or(0), d.max_abs);
        row.bound_ratio = std::max(row.bound_ratio.value_or(0), d.bound_ratio);
      }
      if (d) blame(row, std::string(operands[o.operand].name) + " on " + on + ": " + to_string(d));
    }
    if (std::memcmp(&got.state, &truth.reference.state, sizeof(StepState)) != 0) {
      blame(row, "the step's state is not as it should be");
    }
    if (row.status == Status::wrong && options_.on_wrong) {
      const Case<Op>& in = &truth == &*integers_ ? *integer_inputs_ : *real_inputs_;
      std::vector<NamedValues> all = named(in, got, "");
      for (NamedValues& v : named(in, truth.reference, "_expected")) all.push_back(std::move(v));
      options_.on_wrong(row, all);
    }
  }

  void judge_again(Row& row, const Case<Op>& first, const Case<Op>& again,
                   const std::string& what) {
    const auto operands = OpTraits<Op>::operands(problem_);
    for (const auto& o : output_differences(again, first, kToTheBit, stored_)) {
      if (o.difference) {
        blame(row, std::string(operands[o.operand].name) + ": " + what +
                       " gives other bits: " + to_string(o.difference));
      }
    }
  }

  // The time of its conversions is known later, if at all.
  static void note_layout(Row& row, Layout layout) {
    row.layout = row.format = name_of(layout);
    if (layout != Layout::nhwc) row.conversion_us.reset();
  }

  static void note_faults(Row& row, const Execution<Op>& execution) {
    for (const std::string& fault : execution.faults()) blame(row, fault);
  }
  static void blame(Row& row, const std::string& what) {
    row.why += (row.why.empty() ? "" : "; ") + what;
    row.status = Status::wrong;
  }

  void count(const Algorithm<Op>& a, Row& row) {
    for (const Registry* built_to_count : {&counting_algorithms(), &options_.counted}) {
      for (const Algorithm<Op>& counted : built_to_count->list<Op>()) {
        const bool same =
            counted.engine == a.engine && counted.name == a.name && counted.math == a.math;
        if (!same) continue;
        Execution<Op> execution(counted, row.variant, device_, *real_inputs_, false);
        row.counted = counted_work([&] { execution.launch_and_wait(); }, row.bytes);
      }
    }
  }

  void time(const Algorithm<Op>& a, Row& row) {
    Execution<Op> execution(a, row.variant, device_, *real_inputs_, false);
    if (!within_limits(execution.prepared(), row)) return;
    note_layout(row, execution.layout());
    if (execution.layout() != Layout::nhwc) {
      const auto convert = [&] {
        execution.convert_inputs();
        execution.convert_outputs();
      };
      row.conversion_us = measure(convert, execution.stream(), device_, options_).median;
    }
    execution.convert_inputs();
    row.times = measure([&] { execution.launch(); }, execution.stream(), device_, options_);
    row.floor = floor_of(ceilings_, row.math, row.flops, row.bytes);
  }

  std::int64_t bytes_of(Math math) const {
    std::int64_t sum = 0;
    for (const Operand<Op>& o : OpTraits<Op>::operands(problem_)) {
      sum += o.shape.elements() * static_cast<std::int64_t>(size_of(stored_type(o, math)));
    }
    return sum;
  }

  // Small enough to be run under many schedules.
  bool is_small() const {
    constexpr std::int64_t kSmall = 10'000'000;
    return std::max(blank_.flops, 10 * bytes_of(Math::fp32)) <= kSmall;
  }

  // Inputs (without a suffix) and the outputs of a result, which holds no others.
  std::vector<NamedValues> named(const Case<Op>& in, const Case<Op>& result,
                                 const std::string& suffix) const {
    std::vector<NamedValues> all;
    const auto operands = OpTraits<Op>::operands(problem_);
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const bool given = operands[i].role == Role::in;
      if (!suffix.empty() && given) continue;
      const HostTensor& t = (given ? in : result).tensors[i];
      all.push_back({std::string(operands[i].name) + suffix, t.shape, as_floats(t)});
    }
    return all;
  }

  static void take(const std::vector<NamedValues>& given, std::string_view name, HostTensor& to) {
    const auto found = std::ranges::find(given, name, &NamedValues::name);
    if (found == given.end()) return;
    if (found->shape != to.shape) {
      throw InvalidArgument("tensor " + std::string(name) + " is " +
                            fovea::to_string(found->shape) + ", the problem's is " +
                            fovea::to_string(to.shape));
    }
    assign(to, found->elements);
  }

  void add(Row row) {
    if (on_row_) on_row_(row);
    rows_.push_back(std::move(row));
  }

  static inline const std::vector<std::vector<double>> kToTheBit;
  static constexpr Schedule kLate{ThreadOrder::reversed, Completion::at_wait, Completion::at_wait};

  const Registry& registry_;
  Problem problem_;
  Row blank_;
  const Options& options_;
  const Ceilings& ceilings_;
  const std::function<void(const Row&)>& on_row_;
  DeviceInfo device_;
  bool exact_;  // whether integers give exact results
  // Of the algorithm that is under way.
  Math stored_ = Math::fp32;  // whose types its tensors have
  double error_factor_ = 1;   // and of its variant
  // Of the math mode that is under way.
  std::optional<Case<Op>> integer_inputs_, real_inputs_;
  std::optional<Truth<Op>> integers_, reals_;
  std::vector<Row> rows_;
};

}  // namespace fovea::compare
