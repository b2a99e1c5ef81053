// execution.h - one algorithm prepared, bound and run on guarded device memory with outputs full of
// NaN: what tests and `fovea compare` do alike. Internal.
#pragma once

#include <fovea/core/allocation_watch.h>
#include <fovea/kernels/compare/difference.h>
#include <fovea/kernels/compare/guarded_memory.h>
#include <fovea/kernels/compare/op_case.h>
#include <fovea/kernels/ops/layout.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fovea::compare {

/// The type in which an operand lies on the device: bf16 for what a bf16 algorithm reads and
/// writes, but for sums that stay fp32 (Operand::wide).
template <class Op>
DType stored_type(const Operand<Op>& o, Math math) {
  return o.dtype == DType::f32 && math == Math::bf16 && !o.wide ? DType::bf16 : o.dtype;
}

/// The math mode whose types an algorithm's tensors have.
template <class Op>
Math storage_of(const Algorithm<Op>& a) {
  return a.fp32_tensors ? Math::fp32 : a.math;
}

/// The elements as floats, whatever their type; and the reverse.
std::vector<float> as_floats(const HostTensor& t);
void assign(HostTensor& t, const std::vector<float>& values);

/// An fp32 tensor as bf16, to nearest; and back.
HostTensor narrowed(const HostTensor& t);
HostTensor widened(const HostTensor& t);

template <class Op>
class Execution {
 public:
  /// `in` outlives it. `in_place`: outputs that may share memory with an input do.
  Execution(const Algorithm<Op>& algorithm, const Variant& variant, const DeviceInfo& device,
            const Case<Op>& in, bool in_place)
      : in_{in},
        operands_{OpTraits<Op>::operands(in.problem)},
        stored_{storage_of(algorithm)},
        stream_{device.device},
        state_{sizeof(StepState), stream_},
        prepared_{algorithm.prepare(in.problem, variant, device)},
        converts_{dynamic_cast<Converts<typename Op::Args>*>(prepared_.get())},
        workspace_{prepared_->workspace_bytes(), stream_} {
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      const DType stored = stored_type(operands_[i], stored_);
      const auto count = static_cast<std::size_t>(in.tensors[i].shape.elements());
      memory_.push_back(std::make_unique<GuardedMemory>(count * size_of(stored), stream_));
      home_.push_back(in_place ? home_of(i) : i);
    }
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      args_.*(operands_[i].member) = {memory_[home_[i]]->data(), stored_type(operands_[i], stored_),
                                      in.tensors[i].shape};
    }
    if (OpTraits<Op>::kNeedsState) args_.context.state = static_cast<StepState*>(state_.data());
    if (prepared_->workspace_bytes() > 0) args_.context.workspace = workspace_.data();
    upload();
    prepared_->bind(args_);
  }

  /// Enqueues the op's own work once, and nothing else: where it works in another layout, between
  /// convert_inputs() and convert_outputs().
  void launch() {
    converts_ != nullptr ? converts_->compute(stream_) : prepared_->run(args_, stream_);
  }
  void launch_and_wait() {
    convert_inputs();
    launch();
    stream_.view().synchronize();
  }
  Layout layout() const { return converts_ != nullptr ? converts_->layout() : Layout::nhwc; }
  void convert_inputs() {
    if (converts_ != nullptr) converts_->convert_inputs(args_, stream_);
  }
  void convert_outputs() {
    if (converts_ != nullptr) converts_->convert_outputs(args_, stream_);
  }
  StreamView stream() const { return stream_.view(); }
  const Prepared<typename Op::Args>& prepared() const { return *prepared_; }

  /// The case with its outputs, of the first run.
  Case<Op> run() {
    const std::uint64_t before = allocations_of_this_thread();
    prepared_->run(args_, stream_);
    if (allocations_of_this_thread() != before) blame("run() allocates memory");
    stream_.view().synchronize();
    return result();
  }

  /// Runs again from the same inputs, on the workspace as the last run left it.
  Case<Op> run_again() {
    upload();
    return run();
  }

  /// Recorded and replayed, as a step is: what waits, allocates on the card or computes before its
  /// turn shows here. Nothing where it cannot be recorded. Not on cpu, which records no step.
  std::optional<Case<Op>> replay() {
    upload();
    CapturedWork recorded;
    try {
      recorded = CapturedWork(stream_, [&] { prepared_->run(args_, stream_); });
    } catch (const std::exception& e) {
      blame(std::string("run() does more than enqueue: ") + e.what());
      return {};
    }
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      if (operands_[i].role != Role::out || home_[i] != i || memory_[i]->is_poisoned()) continue;
      blame(std::string(operands_[i].name) + ": computed by run() itself, not on the stream");
    }
    recorded.launch(stream_);
    stream_.view().synchronize();
    return result();
  }

  /// What runs did beside computing: changed an input, wrote outside of their memory, allocated.
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  std::size_t home_of(std::size_t i) const {
    for (std::size_t j = 0; j < operands_.size(); ++j) {
      if (!operands_[i].may_be.empty() && operands_[j].name == operands_[i].may_be) return j;
    }
    return i;
  }

  bool is_narrow(std::size_t i) const {
    return operands_[i].dtype != stored_type(operands_[i], stored_);
  }

  bool is_given(std::size_t i, const GuardedMemory& memory) const {
    const HostTensor& t = in_.tensors[i];
    return memory.holds(is_narrow(i) ? narrowed(t).bytes : t.bytes);
  }

  void upload() {
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      if (operands_[i].role == Role::out) {
        memory_[i]->poison();
      } else {
        memory_[i]->upload(is_narrow(i) ? narrowed(in_.tensors[i]).bytes : in_.tensors[i].bytes);
      }
    }
    std::vector<std::byte> bytes(sizeof(StepState));
    std::memcpy(bytes.data(), &in_.state, sizeof(StepState));
    state_.upload(bytes);
  }

  Case<Op> result() {
    Case<Op> out = download();
    check_guards();
    return out;
  }

  // Outputs, and what an input has become where it is no longer what was given.
  Case<Op> download() {
    Case<Op> out{in_.problem, {}, in_.state};
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      HostTensor& t = out.tensors.emplace_back();
      t.dtype = in_.tensors[i].dtype;
      t.shape = in_.tensors[i].shape;
      const bool overwritten = std::ranges::count(home_, home_[i]) > 1;
      const bool only_read = operands_[i].role == Role::in && !overwritten;
      if (only_read && is_given(i, *memory_[i])) continue;
      t.bytes = memory_[home_[i]]->download();
      if (is_narrow(i)) {
        t.dtype = DType::bf16;
        t = widened(t);
      }
      if (!only_read) continue;
      const std::string text = differences(t, in_.tensors[i]);
      if (!text.empty()) blame("input " + std::string(operands_[i].name) + " was changed: " + text);
    }
    std::memcpy(&out.state, state_.download().data(), sizeof(StepState));
    return out;
  }

  void check_guards() {
    const auto check = [this](std::string_view name, const GuardedMemory& memory) {
      const std::string damage = memory.damage();
      if (!damage.empty()) blame(std::string(name) + ": written outside, " + damage);
    };
    for (std::size_t i = 0; i < operands_.size(); ++i) check(operands_[i].name, *memory_[i]);
    check("workspace", workspace_);
    check("step state", state_);
    if (converts_ == nullptr) return;
    for (const WorkspaceGap& gap : converts_->gaps()) {
      if (const auto at = workspace_.touched(gap.offset, gap.bytes)) {
        blame(std::string(gap.behind) + " in " + std::string(name_of(layout())) +
              ": written outside, " + std::to_string(*at) + " bytes after its end");
      }
    }
  }

  void blame(std::string what) {
    if (std::ranges::find(faults_, what) == faults_.end()) faults_.push_back(std::move(what));
  }

  const Case<Op>& in_;
  std::vector<Operand<Op>> operands_;
  Math stored_;
  Stream stream_;
  std::vector<std::unique_ptr<GuardedMemory>> memory_;
  std::vector<std::size_t> home_;  // whose memory operand i uses
  GuardedMemory state_;
  std::unique_ptr<Prepared<typename Op::Args>> prepared_;
  Converts<typename Op::Args>* converts_;  // prepared_, where it works in another layout
  GuardedMemory workspace_;
  typename Op::Args args_{};
  std::vector<std::string> faults_;
};

/// What was found for each output: nothing where all are right.
struct OutputDifference {
  std::size_t operand = 0;
  Difference difference;
};

/// What may differ, by operand: the op's bound. Nothing for inputs.
template <class Op>
std::vector<std::vector<double>> allowed_differences(const Case<Op>& in, const Case<Op>& reference,
                                                     Math math) {
  std::vector<std::vector<double>> allowed;
  const auto operands = OpTraits<Op>::operands(in.problem);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    std::vector<double>& a = allowed.emplace_back();
    if (operands[i].role == Role::in) continue;
    a = OpTraits<Op>::tolerance(in, reference, i, math);
  }
  return allowed;
}

/// `allowed` and a rounding to bf16 of what may be so far off.
inline std::vector<double> with_rounding(std::vector<double> allowed, const HostTensor& want) {
  constexpr double kBf16Roundoff = 0x1p-8;
  const auto values = want.as<float>();
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    allowed[i] += kBf16Roundoff * (std::abs(double{values[i]}) + allowed[i]);
  }
  return allowed;
}

/// How far every output is from the reference's: within `error_factor` times `allowed`, or, where
/// that is empty, to the bit. Outputs that mode `stored` keeps in bf16 may be one rounding further
/// off, or must be what the exact result rounds to.
template <class Op>
std::vector<OutputDifference> output_differences(const Case<Op>& got, const Case<Op>& reference,
                                                 const std::vector<std::vector<double>>& allowed,
                                                 Math stored, double error_factor = 1) {
  std::vector<OutputDifference> found;
  const auto operands = OpTraits<Op>::operands(reference.problem);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].role == Role::in) continue;
    const HostTensor& want = reference.tensors[i];
    const bool narrow = stored_type(operands[i], stored) != operands[i].dtype;
    if (!allowed.empty()) {
      std::vector<double> bound = allowed[i];
      for (double& b : bound) b *= error_factor;
      if (narrow) bound = with_rounding(std::move(bound), want);
      found.push_back({i, difference(got.tensors[i], want, bound)});
      continue;
    }
    found.push_back({i, difference(got.tensors[i], narrow ? widened(narrowed(want)) : want)});
  }
  return found;
}

/// What makes a reference result blind, output by output: too many zeros to tell right from wrong.
/// "" where it tells.
template <class Op>
std::string why_not_telling(const Case<Op>& result) {
  const auto operands = OpTraits<Op>::operands(result.problem);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const HostTensor& t = result.tensors[i];
    if (operands[i].role == Role::in || t.dtype != DType::f32 || t.shape.elements() < 32) continue;
    if (zeros(t) > OpTraits<Op>::most_zeros(result.problem)) {
      return std::string(operands[i].name) + ": too many zeros to tell right from wrong";
    }
  }
  return "";
}

}  // namespace fovea::compare
