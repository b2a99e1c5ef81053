#include <fovea/core/allocation_watch.h>
#include <fovea/core/error.h>
#include <fovea/kernels/compare/execution.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace fovea::compare {
namespace {

// f(span) of the tensor's elements in their own type.
template <class Tensor, class F>
void with_elements(Tensor& t, const F& f) {
  switch (t.dtype) {
    case DType::f32:
      return f(t.template as<float>());
    case DType::i32:
      return f(t.template as<std::int32_t>());
    case DType::u8:
      return f(t.template as<std::uint8_t>());
    case DType::bf16:
      throw InvalidArgument("tensors of a case are fp32 on the host");
  }
}

// `allowed` and a rounding to bf16 of what may be so far off.
std::vector<double> with_rounding(std::vector<double> allowed, const HostTensor& want) {
  constexpr double kBf16Roundoff = 0x1p-8;
  const auto values = want.as<float>();
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    allowed[i] += kBf16Roundoff * (std::abs(double{values[i]}) + allowed[i]);
  }
  return allowed;
}

}  // namespace

std::vector<float> as_floats(const HostTensor& t) {
  std::vector<float> values;
  with_elements(t, [&](auto elements) { values.assign(elements.begin(), elements.end()); });
  return values;
}

HostTensor narrowed(const HostTensor& t) {
  HostTensor out(DType::bf16, t.shape);
  std::ranges::transform(t.as<float>(), out.as<bf16>().begin(),
                         [](float v) { return fovea::to_bf16(v); });
  return out;
}

HostTensor widened(const HostTensor& t) {
  HostTensor out(DType::f32, t.shape);
  std::ranges::transform(t.as<bf16>(), out.as<float>().begin(), [](bf16 v) { return to_float(v); });
  return out;
}

Execution::Execution(const Subject& subject, const Trial& trial, const Variant& variant,
                     const DeviceInfo& device, const CaseValues& in, bool in_place)
    : in_{in},
      operands_{subject.operands()},
      stored_{trial.algorithm().math},
      stream_{device.device},
      state_{sizeof(StepState), stream_},
      ready_{trial.prepare(variant, device)},
      workspace_{ready_->workspace_bytes(), stream_} {
  for (std::size_t i = 0; i < operands_.size(); ++i) {
    const auto count = static_cast<std::size_t>(in.tensors[i].shape.elements());
    memory_.push_back(std::make_unique<GuardedMemory>(count * size_of(stored(i)), stream_));
    home_.push_back(in_place ? home_of(i) : i);
  }
  std::vector<TensorView> tensors(subject.facts().places);
  for (std::size_t i = 0; i < operands_.size(); ++i) {
    tensors[operands_[i].member.index()] = {memory_[home_[i]]->data(), stored(i),
                                            in.tensors[i].shape};
  }
  Context context;
  if (subject.facts().needs_state) context.state = static_cast<StepState*>(state_.data());
  if (ready_->workspace_bytes() > 0) context.workspace = workspace_.data();
  upload();
  ready_->bind(tensors, context);
}

void Execution::launch_and_wait() {
  convert_inputs();
  launch();
  stream_.view().synchronize();
}

CaseValues Execution::run() {
  const std::uint64_t before = allocations_of_this_thread();
  ready_->run(stream_);
  if (allocations_of_this_thread() != before) blame("run() allocates memory");
  stream_.view().synchronize();
  return result();
}

CaseValues Execution::run_again() {
  upload();
  return run();
}

std::optional<CaseValues> Execution::replay() {
  upload();
  CapturedWork recorded;
  try {
    recorded = CapturedWork(stream_, [&] { ready_->run(stream_); });
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

std::size_t Execution::home_of(std::size_t i) const {
  for (std::size_t j = 0; j < operands_.size(); ++j) {
    if (!operands_[i].may_be.empty() && operands_[j].name == operands_[i].may_be) return j;
  }
  return i;
}

bool Execution::is_given(std::size_t i, const GuardedMemory& memory) const {
  const HostTensor& t = in_.tensors[i];
  return memory.holds(is_narrow(i) ? narrowed(t).bytes : t.bytes);
}

void Execution::upload() {
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

CaseValues Execution::result() {
  CaseValues out = download();
  check_guards();
  return out;
}

// Outputs, and what an input has become where it is no longer what was given.
CaseValues Execution::download() {
  CaseValues out{{}, in_.state};
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

void Execution::check_guards() {
  const auto check = [this](std::string_view name, const GuardedMemory& memory) {
    const std::string damage = memory.damage();
    if (!damage.empty()) blame(std::string(name) + ": written outside, " + damage);
  };
  for (std::size_t i = 0; i < operands_.size(); ++i) check(operands_[i].name, *memory_[i]);
  check("workspace", workspace_);
  check("step state", state_);
  for (const WorkspaceGap& gap : ready_->gaps()) {
    if (const auto at = workspace_.touched(gap.offset, gap.bytes)) {
      blame(std::string(gap.behind) + " in " + std::string(name_of(layout())) +
            ": written outside, " + std::to_string(*at) + " bytes after its end");
    }
  }
}

void Execution::blame(std::string what) {
  if (std::ranges::find(faults_, what) == faults_.end()) faults_.push_back(std::move(what));
}

std::vector<std::vector<double>> allowed_differences(const Subject& subject, const CaseValues& in,
                                                     const CaseValues& sums,
                                                     const CaseValues& reference, Math math) {
  std::vector<std::vector<double>> allowed;
  for (std::size_t i = 0; i < subject.operands().size(); ++i) {
    std::vector<double>& a = allowed.emplace_back();
    if (subject.operands()[i].role == Role::in) continue;
    a = subject.tolerance(in, sums, reference, i, math);
  }
  return allowed;
}

std::vector<OutputDifference> output_differences(const Subject& subject, const CaseValues& got,
                                                 const CaseValues& reference,
                                                 const std::vector<std::vector<double>>& allowed,
                                                 Math stored, double error_factor) {
  std::vector<OutputDifference> found;
  const std::vector<Operand>& operands = subject.operands();
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

std::string why_not_telling(const Subject& subject, const CaseValues& result) {
  for (std::size_t i = 0; i < subject.operands().size(); ++i) {
    const Operand& o = subject.operands()[i];
    const HostTensor& t = result.tensors[i];
    if (o.role == Role::in || t.dtype != DType::f32 || t.shape.elements() < 32) continue;
    if (zeros(t) > subject.facts().most_zeros) {
      return std::string(o.name) + ": too many zeros to tell right from wrong";
    }
  }
  return "";
}

}  // namespace fovea::compare
