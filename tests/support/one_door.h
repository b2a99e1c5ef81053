// one_door.h - the one way in which every algorithm of every op is tested: prepared, bound and run
// on guarded memory with outputs full of NaN, and compared with the reference.
#pragma once

#include <fovea/tests/support/compare.h>
#include <fovea/tests/support/guarded_memory.h>
#include <fovea/tests/support/op_case.h>

#include <gtest/gtest.h>

#include <cstring>

namespace fovea::test {

/// Runs an algorithm on guarded device memory. Failures of the guards, of inputs that changed, and
/// of a second run that gives other bits are reported as test failures.
template <class Op>
class Execution {
 public:
  /// `in_place`: outputs that may share memory with an input do.
  Execution(const Algorithm<Op>& algorithm, const Variant& variant, const DeviceInfo& device,
            const Case<Op>& in, bool in_place)
      : in_{in},
        operands_{OpTraits<Op>::operands(in.problem)},
        stream_{device.device},
        state_{sizeof(StepState), stream_},
        prepared_{algorithm.prepare(in.problem, variant, device)},
        workspace_{prepared_->workspace_bytes(), stream_} {
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      memory_.push_back(std::make_unique<GuardedMemory>(in.tensors[i].bytes.size(), stream_));
      home_.push_back(in_place ? home_of(i) : i);
    }
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      args_.*(operands_[i].member) = {memory_[home_[i]]->data(), in.tensors[i].dtype,
                                      in.tensors[i].shape};
    }
    if (OpTraits<Op>::kNeedsState) args_.context.state = static_cast<StepState*>(state_.data());
    if (prepared_->workspace_bytes() > 0) args_.context.workspace = workspace_.data();
    upload();
    prepared_->bind(args_);
  }

  /// The case with its outputs, of the first run.
  Case<Op> run() {
    run_once();
    Case<Op> out = download();
    check_guards();
    return out;
  }

  /// Runs again from the same inputs, on the workspace as the last run left it.
  Case<Op> run_again() {
    upload();
    return run();
  }

 private:
  std::size_t home_of(std::size_t i) const {
    for (std::size_t j = 0; j < operands_.size(); ++j) {
      if (!operands_[i].may_be.empty() && operands_[j].name == operands_[i].may_be) return j;
    }
    return i;
  }

  void upload() {
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      if (operands_[i].role == Role::out) {
        memory_[i]->poison();
      } else {
        memory_[i]->upload(in_.tensors[i].bytes);
      }
    }
    std::vector<std::byte> bytes(sizeof(StepState));
    std::memcpy(bytes.data(), &in_.state, sizeof(StepState));
    state_.upload(bytes);
  }

  void run_once() {
    prepared_->run(args_, stream_);
    stream_.view().synchronize();
  }

  Case<Op> download() const {
    Case<Op> out = in_;
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      out.tensors[i].bytes = memory_[home_[i]]->download();
      const bool overwritten = std::ranges::count(home_, home_[i]) > 1;
      if (operands_[i].role == Role::in && !overwritten) {
        EXPECT_EQ(differences(out.tensors[i], in_.tensors[i]), "")
            << "input " << operands_[i].name << " was changed";
      }
    }
    std::memcpy(&out.state, state_.download().data(), sizeof(StepState));
    return out;
  }

  void check_guards() const {
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      EXPECT_EQ(memory_[i]->damage(), "") << operands_[i].name << ": written outside";
    }
    EXPECT_EQ(workspace_.damage(), "") << "workspace: written outside";
    EXPECT_EQ(state_.damage(), "") << "step state: written outside";
  }

  Case<Op> in_;
  std::vector<Operand<Op>> operands_;
  Stream stream_;
  std::vector<std::unique_ptr<GuardedMemory>> memory_;
  std::vector<std::size_t> home_;  // whose memory operand i uses
  GuardedMemory state_;
  std::unique_ptr<Prepared<typename Op::Args>> prepared_;
  GuardedMemory workspace_;
  typename Op::Args args_{};
};

/// Compares all outputs and the state. `exact`: to the bit; else within the op's tolerance.
template <class Op>
void expect_close(const Case<Op>& got, const Case<Op>& in, const Case<Op>& reference, bool exact,
                  Math math) {
  const auto operands = OpTraits<Op>::operands(in.problem);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].role == Role::in) continue;
    const std::string text = exact ? differences(got.tensors[i], reference.tensors[i])
                                   : differences(got.tensors[i], reference.tensors[i],
                                                 OpTraits<Op>::tolerance(in, reference, i, math));
    EXPECT_EQ(text, "") << operands[i].name << (exact ? ", which is to be exact" : "");
  }
  EXPECT_EQ(std::memcmp(&got.state, &reference.state, sizeof(StepState)), 0)
      << "nonfinite is " << got.state.nonfinite << ", should be " << reference.state.nonfinite
      << ", or another field of the state changed";
}

/// A reference result of almost nothing but zeros would hide what an algorithm does.
template <class Op>
void expect_telling(const Case<Op>& reference) {
  const auto operands = OpTraits<Op>::operands(reference.problem);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const HostTensor& t = reference.tensors[i];
    if (operands[i].role == Role::in || t.dtype != DType::f32 || t.shape.elements() < 32) continue;
    EXPECT_LE(zeros(t), OpTraits<Op>::most_zeros(reference.problem))
        << operands[i].name << ": too many zeros to tell right from wrong";
  }
}

template <class Op>
bool shares_memory(const typename Op::Problem& problem) {
  const auto operands = OpTraits<Op>::operands(problem);
  return std::ranges::any_of(operands, [](const auto& o) { return !o.may_be.empty(); });
}

/// What is done beside one comparison with the reference.
struct Thoroughness {
  bool again = true;     // once more on the same workspace: the same bits
  bool in_place = true;  // where an output may share an input's memory: the same bits
};

/// One algorithm on one problem: integers to the bit where both algorithm and op promise it, else
/// within the op's bound. Returns the result.
template <class Op>
Case<Op> expect_right(const Algorithm<Op>& algorithm, const Variant& variant,
                      const DeviceInfo& device, const Case<Op>& in, const Case<Op>& reference,
                      Values values, const Thoroughness& thoroughness) {
  expect_telling(reference);
  const bool exact = values == Values::integers && algorithm.exact_on_integers &&
                     OpTraits<Op>::exact_on_integers(in.problem);
  Execution<Op> execution(algorithm, variant, device, in, false);
  const Case<Op> first = execution.run();
  expect_close(first, in, reference, exact, algorithm.math);
  if (thoroughness.again) {
    SCOPED_TRACE("second run");
    expect_close(execution.run_again(), in, first, true, algorithm.math);
  }
  if (thoroughness.in_place && shares_memory<Op>(in.problem)) {
    SCOPED_TRACE("in place");
    Execution<Op> in_place(algorithm, variant, device, in, true);
    expect_close(in_place.run(), in, first, true, algorithm.math);
  }
  return first;
}

}  // namespace fovea::test
