// execution.h - one algorithm prepared, bound and run on guarded device memory with outputs full of
// NaN: what tests and `fovea compare` do alike. Internal.
#pragma once

#include <fovea/kernels/compare/difference.h>
#include <fovea/kernels/compare/guarded_memory.h>
#include <fovea/kernels/compare/subject.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fovea::compare {

/// The elements as floats, whatever their type.
std::vector<float> as_floats(const HostTensor& t);

/// An fp32 tensor as bf16, to nearest; and back.
HostTensor narrowed(const HostTensor& t);
HostTensor widened(const HostTensor& t);

class Execution {
 public:
  /// `in` outlives it. `in_place`: outputs that may share memory with an input do.
  Execution(const Subject& subject, const Trial& trial, const Variant& variant,
            const DeviceInfo& device, const CaseValues& in, bool in_place);

  /// Enqueues the op's own work once, and nothing else: where it works in another layout, between
  /// convert_inputs() and convert_outputs().
  void launch() { ready_->compute(stream_); }
  void launch_and_wait();
  Layout layout() const { return ready_->layout(); }
  void convert_inputs() { ready_->convert_inputs(stream_); }
  void convert_outputs() { ready_->convert_outputs(stream_); }
  StreamView stream() const { return stream_.view(); }
  const Ready& ready() const { return *ready_; }

  /// The case with its outputs, of the first run.
  CaseValues run();
  /// Runs again from the same inputs, on the workspace as the last run left it.
  CaseValues run_again();
  /// Recorded and replayed, as a step is: what waits, allocates on the card or computes before its
  /// turn shows here. Nothing where it cannot be recorded. Not on cpu, which records no step.
  std::optional<CaseValues> replay();

  /// What runs did beside computing: changed an input, wrote outside of their memory, allocated.
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  std::size_t home_of(std::size_t i) const;
  DType stored(std::size_t i) const { return stored_type(operands_[i], stored_); }
  bool is_narrow(std::size_t i) const { return operands_[i].dtype != stored(i); }
  bool is_given(std::size_t i, const GuardedMemory& memory) const;
  void upload();
  CaseValues result();
  CaseValues download();
  void check_guards();
  void blame(std::string what);

  const CaseValues& in_;
  std::vector<Operand> operands_;
  Math stored_;
  Stream stream_;
  std::vector<std::unique_ptr<GuardedMemory>> memory_;
  std::vector<std::size_t> home_;  // whose memory operand i uses
  GuardedMemory state_;
  std::unique_ptr<Ready> ready_;
  GuardedMemory workspace_;
  std::vector<std::string> faults_;
};

/// What was found for each output: nothing where all are right.
struct OutputDifference {
  std::size_t operand = 0;
  Difference difference;
};

/// What may differ, by operand: the op's bound. Nothing for inputs. `sums`: see Subject.
std::vector<std::vector<double>> allowed_differences(const Subject& subject, const CaseValues& in,
                                                     const CaseValues& sums,
                                                     const CaseValues& reference, Math math);

/// How far every output is from the reference's: within `error_factor` times `allowed`, or, where
/// that is empty, to the bit. Outputs that mode `stored` keeps in bf16 may be one rounding further
/// off, or must be what the exact result rounds to.
std::vector<OutputDifference> output_differences(const Subject& subject, const CaseValues& got,
                                                 const CaseValues& reference,
                                                 const std::vector<std::vector<double>>& allowed,
                                                 Math stored, double error_factor = 1);

/// What makes a reference result blind, output by output: too many zeros to tell right from wrong.
/// "" where it tells.
std::string why_not_telling(const Subject& subject, const CaseValues& result);

}  // namespace fovea::compare
