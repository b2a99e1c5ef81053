#include <fovea/core/error.h>
#include <fovea/kernels/compare/subject.h>
#include <fovea/kernels/compare/tolerance.h>
#include <fovea/kernels/cpu/reference/reference.h>

#include <algorithm>
#include <cmath>

namespace fovea::compare {
namespace {

const Registry& references() {
  static const Registry registry = [] {
    Registry r;
    add_reference_algorithms(r);
    return r;
  }();
  return registry;
}

}  // namespace

DType stored_type(const Operand& o, Math math) {
  return o.dtype == DType::f32 && math == Math::bf16 && !o.wide ? DType::bf16 : o.dtype;
}

bool any_narrow(const std::vector<Operand>& operands) {
  return std::ranges::any_of(
      operands, [](const Operand& o) { return stored_type(o, Math::bf16) == DType::bf16; });
}

std::size_t Subject::index_of(std::string_view name) const {
  const auto found = std::ranges::find(operands(), name, &Operand::name);
  if (found == operands().end()) {
    throw InvalidArgument("no operand is called " + std::string(name));
  }
  return static_cast<std::size_t>(found - operands().begin());
}

CaseValues make_values(const Subject& subject, Values values, std::uint64_t seed, Math math) {
  CaseValues c{{}, subject.facts().state};
  std::uint32_t index = 0;
  for (const Operand& o : subject.operands()) {
    HostTensor& t = c.tensors.emplace_back(o.dtype, o.shape);
    if (o.role != Role::out) {
      (o.fill ? o.fill : any_values())(
          t, {values, math, Philox{seed, stream_key(Purpose::test, index, 0)}});
    }
    ++index;
  }
  return c;
}

CaseValues reference_outputs(const Subject& subject, const CaseValues& in) {
  const std::vector<Operand>& operands = subject.operands();
  CaseValues c{std::vector<HostTensor>(operands.size()), in.state};
  std::vector<TensorView> tensors(subject.facts().places);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const HostTensor& given = in.tensors[i];
    auto* bytes = const_cast<std::byte*>(given.bytes.data());  // views are not const; nobody writes
    if (operands[i].role != Role::in) {
      c.tensors[i] = given;
      bytes = c.tensors[i].bytes.data();
    }
    tensors[operands[i].member.index()] = {bytes, given.dtype, given.shape};
  }
  const Stream stream(Device::cpu());
  const auto prepared = subject.trials(references()).front()->prepare("", {});
  std::vector<std::byte> workspace(prepared->workspace_bytes());
  prepared->bind(tensors, {.workspace = workspace.data(),
                           .state = subject.facts().needs_state ? &c.state : nullptr});
  prepared->run(stream);
  stream.view().synchronize();
  return c;
}

CaseValues run_reference(const Subject& subject, CaseValues in) {
  CaseValues out = reference_outputs(subject, in);
  for (std::size_t i = 0; i < out.tensors.size(); ++i) {
    if (subject.operands()[i].role == Role::in) out.tensors[i] = std::move(in.tensors[i]);
  }
  return out;
}

CaseValues magnitudes(const Subject& subject, CaseValues in) {
  for (HostTensor& t : in.tensors) {
    if (t.dtype != DType::f32) continue;
    for (float& v : t.as<float>()) v = std::abs(v);
  }
  return reference_outputs(subject, in);
}

std::vector<double> roundoffs(const HostTensor& of, double factor) {
  const auto values = of.as<float>();
  std::vector<double> t(values.size());
  std::ranges::transform(values, t.begin(), [factor](float v) {
    return factor * kUnitRoundoff * std::abs(double{v});
  });
  return t;
}

std::vector<double> none(const HostTensor& of) {
  return std::vector<double>(of.bytes.size() / size_of(of.dtype), 0.0);
}

}  // namespace fovea::compare
