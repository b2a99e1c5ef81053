// given.cpp - see given.h, and condition.h.
#include <fovea/core/error.h>
#include <fovea/kernels/compare/condition.h>
#include <fovea/kernels/compare/difference.h>
#include <fovea/kernels/compare/given.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace fovea::compare {
namespace {

[[noreturn]] void refuse(const NamedValues& given, std::size_t at, const std::string& wanted) {
  std::ostringstream s;
  s.precision(9);
  s << "tensor " << given.name << " is " << given.elements[at] << " at " << place(given.shape, at)
    << ": give " << wanted;
  throw InvalidArgument(s.str());
}

// Floats as integers of type T, none of them rounded or cut.
template <class T>
void assign_integers(const NamedValues& given, const Operand& o, HostTensor& to) {
  constexpr double kLeast = std::numeric_limits<T>::lowest(), kMost = std::numeric_limits<T>::max();
  const auto elements = to.as<T>();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const double v = given.elements[i];
    if (!(v >= kLeast && v <= kMost) || v != std::trunc(v)) {  // NaN is no number of these either
      refuse(given, i,
             !o.condition.wanted.empty()
                 ? o.condition.wanted
                 : "a whole number from " + std::to_string(std::numeric_limits<T>::lowest()) +
                       " to " + std::to_string(std::numeric_limits<T>::max()));
    }
    elements[i] = static_cast<T>(v);
  }
}

void assign(const NamedValues& given, const Operand& o, HostTensor& to) {
  if (given.shape != to.shape ||
      static_cast<std::int64_t>(given.elements.size()) != to.shape.elements()) {
    throw InvalidArgument("tensor " + given.name + " is " + fovea::to_string(given.shape) +
                          ", the problem's is " + fovea::to_string(to.shape));
  }
  switch (to.dtype) {
    case DType::f32:
      std::ranges::copy(given.elements, to.as<float>().begin());
      break;
    case DType::i32:
      assign_integers<std::int32_t>(given, o, to);
      break;
    case DType::u8:
      assign_integers<std::uint8_t>(given, o, to);
      break;
    case DType::bf16:
      throw InvalidArgument("tensors of a case are fp32 on the host");
  }
  if (!o.condition.first_bad) return;
  if (const auto at = o.condition.first_bad(to)) refuse(given, *at, o.condition.wanted);
}

// A name that the subject has; of a tensor that is read and written what goes in must be there too.
void require_known(const std::string& name, const std::vector<NamedValues>& given,
                   const Subject& subject) {
  std::string known;
  for (const Operand& o : subject.operands()) {
    const std::string own(o.name), before = name_before(o);
    known += (known.empty() ? "" : ", ") + own + (o.role == Role::in_out ? ", " + before : "");
    if (o.role == Role::in_out && name == before) return;
    if (o.role != Role::in && name == own + "_expected") return;
    if (name != own) continue;
    if (o.role != Role::in_out ||
        std::ranges::find(given, before, &NamedValues::name) != given.end()) {
      return;
    }
    throw InvalidArgument("tensor " + own + " is what comes out: give " + before +
                          ", what goes in");
  }
  throw InvalidArgument(std::string(subject.facts().op) + " " +
                        std::string(name_of(subject.facts().pass)) + " has no tensor " + name +
                        ": it has " + known);
}

}  // namespace

Condition classes(int count) {
  return {"a class from 0 to " + std::to_string(count - 1),
          [count](const HostTensor& t) -> std::optional<std::size_t> {
            const auto values = t.as<std::int32_t>();
            const auto bad = std::ranges::find_if(
                values, [count](std::int32_t v) { return v < 0 || v >= count; });
            if (bad == values.end()) return {};
            return static_cast<std::size_t>(bad - values.begin());
          }};
}

std::string name_before(const Operand& o) { return std::string(o.name) + "_before"; }

void take(const std::vector<NamedValues>& given, const Subject& subject, CaseValues& to) {
  const std::vector<Operand>& operands = subject.operands();
  for (const NamedValues& g : given) require_known(g.name, given, subject);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Operand& o = operands[i];
    if (o.role == Role::out) continue;
    const std::string name = o.role == Role::in ? std::string(o.name) : name_before(o);
    const auto found = std::ranges::find(given, name, &NamedValues::name);
    if (found != given.end()) assign(*found, o, to.tensors[i]);
  }
}

}  // namespace fovea::compare
