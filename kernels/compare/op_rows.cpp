// op_rows.cpp - the rows of one op: checks, times, counts.
#include <fovea/core/error.h>
#include <fovea/kernels/compare/counting.h>
#include <fovea/kernels/compare/execution.h>
#include <fovea/kernels/compare/given.h>
#include <fovea/kernels/compare/measure.h>
#include <fovea/kernels/compare/patterns.h>
#include <fovea/kernels/compare/rows.h>
#include <fovea/kernels/emulator/schedule.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace fovea::compare {
namespace {

// What inputs should give.
struct Truth {
  CaseValues reference;
  std::vector<std::vector<double>> allowed;  // by operand; empty: to the bit
};

// All rows of one problem in one math mode share the truth, which takes longest.
class OpRows {
 public:
  OpRows(const RowRequest& request, const Subject& subject)
      : subject_{subject},
        trials_{subject.trials(request.registry)},
        options_{request.options},
        ceilings_{request.ceilings},
        on_row_{request.on_row},
        device_{device_info(request.options.device)},
        exact_{subject.facts().exact_on_integers} {
    blank_.problem = std::string(subject.facts().op) + ":" + subject.facts().problem;
    blank_.name = request.problem.name;
    blank_.pass = subject.facts().pass;
    blank_.flops = subject.facts().flops;
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
      for (const auto& trial : trials_) {
        const AlgorithmFacts& a = trial->algorithm();
        if (!contains(a.devices, device_.device.kind()) || has_twin(*trial, math)) continue;
        rows_of(*trial, math);
      }
    }
    return std::move(rows_);
  }

  // Inputs and result of the one algorithm that is admitted.
  std::vector<NamedValues> values(const std::vector<NamedValues>& given) {
    const Math math = options_.maths.front();
    const Trial* only = nullptr;
    for (const auto& trial : trials_) {
      const AlgorithmFacts& a = trial->algorithm();
      if (!admits_algorithm(options_, a.engine, a.name) || has_twin(*trial, math)) continue;
      if (!trial->verdict(device_, math)) continue;
      if (only != nullptr) throw Unsupported("several algorithms run it: name one with --algo");
      only = trial.get();
    }
    if (only == nullptr) {
      throw Unsupported("no algorithm that --algo admits runs it; --list says why not");
    }
    CaseValues c = make_values(subject_, Values::reals, options_.seed, math);
    take(given, subject_, c);
    const auto variants = admitted_variants(*only);
    if (variants.empty()) throw Unsupported("no variant of it is called as --algo says");
    const CaseValues result = Execution(subject_, *only, variants.front(), device_, c, false).run();
    return named(c, result, "");
  }

 private:
  void rows_of(const Trial& trial, Math math) {
    const AlgorithmFacts& a = trial.algorithm();
    if (!admits_algorithm(options_, a.engine, a.name)) return;
    Row row = blank_;
    row.math = math;
    row.engine = a.engine;
    row.algorithm = a.name;
    row.device = to_string(device_.device);
    row.bytes = bytes_of(a.math);
    if (const Verdict v = verdict_of(trial, math); !v) {
      row.status = Status::declined;
      row.why = v.why_not;
      row.layout = row.format = "";
      row.reproduce = reproduce(options_, row);
      return add(std::move(row));
    }
    for (const Variant& variant : admitted_variants(trial)) {
      Row one = row;
      one.variant = variant;
      if (options_.list || options_.once || !options_.check) one.status = Status::unchecked;
      one.reproduce = reproduce(options_, one);
      if (!options_.list) fill(trial, one);
      add(std::move(one));
    }
  }

  // Whether it computes in another mode, and one of its name in this one, or one before it in
  // another: no row of its own.
  bool has_twin(const Trial& trial, Math math) const {
    const AlgorithmFacts& a = trial.algorithm();
    if (a.math == math) return false;
    bool before = true;
    for (const auto& other : trials_) {
      const AlgorithmFacts& b = other->algorithm();
      before = before && other.get() != &trial;
      if (b.engine != a.engine || b.name != a.name || b.devices != a.devices) continue;
      if (b.math == math || before) return true;
    }
    return false;
  }

  // Ops without products run in every mode, and are compared in fp32 and, where they take it, bf16.
  Verdict verdict_of(const Trial& trial, Math math) const {
    const Math its = trial.algorithm().math;
    if (its != math) return Verdict::no("computes in " + std::string(name_of(its)));
    const Verdict v = trial.verdict(device_, math);
    return v ? trial.offers(device_, options_.limits) : v;
  }

  std::vector<Variant> admitted_variants(const Trial& trial) const {
    const AlgorithmFacts& a = trial.algorithm();
    return admitted(options_, a.engine, a.name, trial.variants(device_, options_.limits));
  }

  void fill(const Trial& trial, Row& row) {
    try {
      if (!real_inputs_) {
        real_inputs_ = make_values(subject_, Values::reals, options_.seed, row.math);
      }
      if (options_.once) {
        Execution(subject_, trial, row.variant, device_, *real_inputs_, false).launch_and_wait();
        return;
      }
      if (options_.check) check(trial, row);
      if (!has_run(row.status)) return;
      if (device_.device.kind() == DeviceKind::emulated) {
        if (options_.count) count(trial, row);
      } else if (options_.time) {
        time(trial, row);
      }
    } catch (const std::exception& e) {
      row.status = Status::failed;
      row.why = e.what();
    }
  }

  bool within_limits(const Ready& ready, Row& row) const {
    row.workspace_bytes = ready.workspace_bytes();
    row.deterministic = ready.deterministic();
    row.why = objection(ready, options_.limits);
    if (!row.why.empty()) row.status = Status::declined;
    return row.why.empty();
  }

  // Exact on integers, where algorithm and op promise it; bounded on reals.
  void check(const Trial& trial, Row& row) {
    const AlgorithmFacts& a = trial.algorithm();
    find_truth(row.math);
    if (!a.exact_on_integers && integers_->allowed.empty()) {  // a transform with fractions
      allow_differences_on_integers(row.math);
    }
    const bool promised = a.exact_on_integers && exact_;
    Execution execution(subject_, trial, row.variant, device_, *integer_inputs_, false);
    if (!within_limits(execution.ready(), row)) return;
    error_factor_ = execution.ready().error_factor(a.error_factor);
    note_layout(row, execution.layout());
    const CaseValues first = execution.run();
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
    Execution on_reals(subject_, trial, row.variant, device_, *real_inputs_, false);
    const CaseValues got = on_reals.run();
    judge(row, *reals_, got, false, emulated ? "reals, threads in reverse" : "reals");
    note_faults(row, on_reals);
    if (row.status == Status::ok) {
      row.why = why_not_telling(subject_, got);
      if (!row.why.empty()) row.status = Status::mistrusted;
    }
  }

  void find_truth(Math math) {
    if (!integers_) {
      integer_inputs_ = make_values(subject_, Values::integers, options_.seed, math);
      integers_ = Truth{reference_outputs(subject_, *integer_inputs_), {}};
      if (!exact_) allow_differences_on_integers(math);
    }
    if (!reals_) reals_ = truth_on_reals(math);
  }

  void allow_differences_on_integers(Math math) {
    integers_->allowed =
        allowed_differences(subject_, *integer_inputs_, subject_.absolute_sums(*integer_inputs_),
                            integers_->reference, math);
  }

  // A mode's inputs are the same reals, rounded to its type; so absolute sums are found once, and
  // what those of another mode may be larger is allowed for: two factors, each off by 2^-8 at most.
  Truth truth_on_reals(Math math) {
    const bool of_this_mode = !real_sums_;
    if (of_this_mode) real_sums_ = subject_.absolute_sums(*real_inputs_);
    Truth t{reference_outputs(subject_, *real_inputs_), {}};
    t.allowed = allowed_differences(subject_, *real_inputs_, *real_sums_, t.reference, math);
    if (of_this_mode || real_sums_->tensors.empty()) return t;
    for (std::vector<double>& operand : t.allowed) {
      for (double& a : operand) a *= 1 + 0x1p-6;
    }
    return t;
  }

  // The emulator's matrix operations are synchronous, so that half of the product is the other
  // half.
  void check_schedules(Execution& execution, Row& row, const CaseValues& first) {
    for (const Schedule& s : all_schedules()) {
      if (s.copies != s.matrix) continue;
      const ScopedSchedule scoped(s);
      judge_again(row, first, execution.run_again(), "threads " + to_string(s));
      if (row.status != Status::ok) return;
    }
  }

  void check_replay(Execution& execution, Row& row, const CaseValues& first) {
    const DeviceKind kind = device_.device.kind();
    if (row.status != Status::ok || kind == DeviceKind::cpu) return;
    if (kind == DeviceKind::emulated && !is_small()) return;
    const auto again = execution.replay();
    if (again && row.deterministic) judge_again(row, first, *again, "recorded and replayed, it");
  }

  void judge(Row& row, const Truth& truth, const CaseValues& got, bool exact,
             const std::string& on) {
    const std::vector<Operand>& operands = subject_.operands();
    const auto& allowed = exact ? kToTheBit : truth.allowed;
    for (const auto& o :
         output_differences(subject_, got, truth.reference, allowed, row.math, error_factor_)) {
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
      const CaseValues& in = &truth == &*integers_ ? *integer_inputs_ : *real_inputs_;
      std::vector<NamedValues> all = named(in, got, "");
      for (NamedValues& v : named(in, truth.reference, "_expected")) all.push_back(std::move(v));
      options_.on_wrong(row, all);
    }
  }

  void judge_again(Row& row, const CaseValues& first, const CaseValues& again,
                   const std::string& what) {
    const std::vector<Operand>& operands = subject_.operands();
    for (const auto& o : output_differences(subject_, again, first, kToTheBit, row.math)) {
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

  static void note_faults(Row& row, const Execution& execution) {
    for (const std::string& fault : execution.faults()) blame(row, fault);
  }
  static void blame(Row& row, const std::string& what) {
    row.why += (row.why.empty() ? "" : "; ") + what;
    row.status = Status::wrong;
  }

  void count(const Trial& trial, Row& row) {
    const AlgorithmFacts& a = trial.algorithm();
    for (const Registry* built_to_count : {&counting_algorithms(), &options_.counted}) {
      for (const auto& counting : subject_.trials(*built_to_count)) {
        const AlgorithmFacts& counted = counting->algorithm();
        const bool same =
            counted.engine == a.engine && counted.name == a.name && counted.math == a.math;
        if (!same) continue;
        Execution execution(subject_, *counting, row.variant, device_, *real_inputs_, false);
        row.counted = counted_work([&] { execution.launch_and_wait(); }, row.bytes);
      }
    }
  }

  void time(const Trial& trial, Row& row) {
    Execution execution(subject_, trial, row.variant, device_, *real_inputs_, false);
    if (!within_limits(execution.ready(), row)) return;
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
    for (const Operand& o : subject_.operands()) {
      sum += o.shape.elements() * static_cast<std::int64_t>(size_of(stored_type(o, math)));
    }
    return sum;
  }

  // Small enough to be run under many schedules.
  bool is_small() const {
    constexpr std::int64_t kSmall = 10'000'000;
    return std::max(blank_.flops, 10 * bytes_of(Math::fp32)) <= kSmall;
  }

  // Inputs (without a suffix; what is overwritten as NAME_before) and the outputs of a result,
  // which holds no others.
  std::vector<NamedValues> named(const CaseValues& in, const CaseValues& result,
                                 const std::string& suffix) const {
    std::vector<NamedValues> all;
    const std::vector<Operand>& operands = subject_.operands();
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const bool given = operands[i].role == Role::in;
      if (!suffix.empty() && given) continue;
      if (suffix.empty() && operands[i].role == Role::in_out) {
        all.push_back({name_before(operands[i]), in.tensors[i].shape, as_floats(in.tensors[i])});
      }
      const HostTensor& t = (given ? in : result).tensors[i];
      all.push_back({std::string(operands[i].name) + suffix, t.shape, as_floats(t)});
    }
    return all;
  }

  void add(Row row) {
    if (on_row_) on_row_(row);
    rows_.push_back(std::move(row));
  }

  static inline const std::vector<std::vector<double>> kToTheBit;
  static constexpr Schedule kLate{ThreadOrder::reversed, Completion::at_wait, Completion::at_wait};

  const Subject& subject_;
  std::vector<std::unique_ptr<Trial>> trials_;
  Row blank_;
  const Options& options_;
  const Ceilings& ceilings_;
  const std::function<void(const Row&)>& on_row_;
  DeviceInfo device_;
  bool exact_;                           // whether integers give exact results
  std::optional<CaseValues> real_sums_;  // of the first math mode's reals, for all modes
  // Of the algorithm that is under way.
  double error_factor_ = 1;  // and of its variant
  // Of the math mode that is under way.
  std::optional<CaseValues> integer_inputs_, real_inputs_;
  std::optional<Truth> integers_, reals_;
  std::vector<Row> rows_;
};

}  // namespace

std::vector<Row> rows_of(const RowRequest& request) {
  const auto subject = subject_of(request.problem, request.pass);
  return OpRows(request, *subject).run();
}

std::vector<NamedValues> values_of(const RowRequest& request,
                                   const std::vector<NamedValues>& given) {
  const auto subject = subject_of(request.problem, request.pass);
  return OpRows(request, *subject).values(given);
}

}  // namespace fovea::compare
