// choose.h - the choice of an algorithm and a variant for one op, by a policy.
#pragma once

#include <fovea/kernels/ops/policy.h>
#include <fovea/kernels/ops/registry.h>
#include <fovea/kernels/ops/samples.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea {

template <class Op>
struct Chosen {
  const Algorithm<Op>* algorithm = nullptr;  // nullptr: none can run it; why says all reasons
  Variant variant = {};
  std::string why = {};
  std::unique_ptr<Launch> launch = nullptr;  // ready, unbound
  const Algorithm<Op>* checker = nullptr;    // runs beside it, to compare
  std::unique_ptr<Launch> checker_launch = nullptr;
  double us = 0;  // where the tuner measured it
  explicit operator bool() const { return algorithm != nullptr; }
};

/// Looks for an algorithm of one entry of a list after the other, and remembers who declined why.
template <class Op>
class Chooser {
 public:
  using Problem = typename Op::Problem;
  /// `operands`: shapes and types of what the op is given, for `fastest`.
  Chooser(const Registry& registry, const Problem& problem, const DeviceInfo& device, Math math,
          const Limits& limits, Tuner* tuner, std::span<const TensorView> operands)
      : registry_{registry},
        problem_{problem},
        device_{device},
        math_{math},
        limits_{limits},
        tuner_{tuner},
        operands_{operands} {}

  Chosen<Op> operator()(const EngineName& name) {
    Chosen<Op> chosen = one(name.engine, name.algorithm);
    if (chosen && !name.checker.empty() && !add_checker(chosen, name)) return {};
    return chosen;
  }
  /// Whether the entry would choose something; prepares nothing that is slow to prepare.
  bool can(const EngineName& name) {
    return can_one(name.engine, name.algorithm) &&
           (name.checker.empty() || can_one(name.checker, name.checker_algorithm));
  }
  /// That variant of that algorithm and no other.
  Chosen<Op> exactly(const std::string& engine, const std::string& algorithm, const Variant& v) {
    bool known = false;
    for (const Algorithm<Op>& a : registry_.list<Op>()) {
      if (a.engine != engine || a.name != algorithm) continue;
      known = true;
      if (!can_run(a)) continue;
      if (!a.variants && !v.empty()) {
        note(declined_, engine + ":" + algorithm, "has no variant '" + v + "'");
      } else if (auto launch = ready(a, v)) {
        return {&a, v, "as the run was computed", std::move(launch)};
      }
    }
    if (!known) note(declined_, engine + ":" + algorithm, "is not there");
    return {};
  }
  /// Has the entry's second engine check the choice; false where that one cannot.
  bool add_checker(Chosen<Op>& chosen, const EngineName& name) {
    Chosen<Op> checker = one(name.checker, name.checker_algorithm);
    if (!checker) return false;
    chosen.checker = checker.algorithm;
    chosen.checker_launch = std::move(checker.launch);
    return true;
  }
  /// Who cannot, and why not; names that no algorithm has come last.
  std::string reasons() const {
    return declined_ + (declined_.empty() || absent_.empty() ? "" : "; ") + absent_;
  }

 private:
  bool can_one(const std::string& engine, const std::string& algorithm) {
    for (const Algorithm<Op>& a : registry_.list<Op>()) {
      const bool named = is_word(engine)
                             ? takes_part(a)
                             : a.engine == engine && (algorithm.empty() || a.name == algorithm);
      if (!named || !can_run(a)) continue;
      // Variants are offered within the limits, as far as that is known without preparing them.
      const bool any_room = limits_.workspace_bytes == Limits{}.workspace_bytes;
      if (a.variants && any_room) return true;
      for (const Variant& v : variants_of(a, problem_, device_, limits_)) {
        if (ready(a, v)) return true;
      }
    }
    return false;
  }
  Chosen<Op> one(const std::string& engine, const std::string& algorithm) {
    if (!is_word(engine)) return first(engine, algorithm);
    Chosen<Op> chosen = engine == kFastest ? fastest() : smallest();
    if (!chosen) note(absent_, engine, "no engine but the reference can run it");
    return chosen;
  }
  Chosen<Op> first(const std::string& engine, const std::string& algorithm) {
    bool known = false;
    for (const Algorithm<Op>& a : registry_.list<Op>()) {
      if (a.engine != engine || !(algorithm.empty() || a.name == algorithm)) continue;
      known = true;
      if (!can_run(a)) continue;
      for (Variant& v : variants_of(a, problem_, device_, limits_)) {
        if (auto launch = ready(a, v)) {
          return {&a, std::move(v), why("first in the list"), std::move(launch)};
        }
      }
    }
    if (!known) note(absent_, engine, "has no algorithm for it");
    return {};
  }
  Chosen<Op> smallest() {
    Chosen<Op> best;
    for (const auto& [a, v] : ways()) {
      auto launch = ready(*a, v);
      if (!launch || (best && launch->workspace_bytes() >= best.launch->workspace_bytes()))
        continue;
      best = {a, v, "", std::move(launch)};
    }
    if (best) {
      best.why =
          why("least workspace: " + std::to_string(best.launch->workspace_bytes()) + " bytes");
    }
    return best;
  }
  Chosen<Op> fastest() {
    if (tuner_ == nullptr) throw InvalidArgument("fastest: the policy has no tuner to ask");
    const auto all = ways();
    TuningQuestion q{.op = Op::kName,
                     .pass = Op::kPass,
                     .problem = to_string(problem_),
                     .math = math_,
                     .device = device_,
                     .limits = limits_,
                     .operands = operands_,
                     .sample =
                         [this](std::size_t operand, std::span<std::byte> bytes) {
                           return sample_operand<Op>(problem_, operand, bytes);
                         },
                     .candidates = {}};
    for (const auto& [a, v] : all) {
      q.candidates.push_back(
          {a->engine, a->name, v, [this, a = a, v = v] { return prepare(*a, v); }});
    }
    if (all.empty()) return {};
    TuningAnswer answer = tuner_->fastest(q);
    for (const auto& [i, reason] : answer.passed_over) {
      const auto& [a, v] = all[i];
      note(declined_, way_text(a->engine, a->name, v), reason);
    }
    if (!answer.launch) return {};
    const auto& [a, v] = all[answer.winner];
    return {a, v, why(answer.why), std::move(answer.launch), nullptr, nullptr, answer.us};
  }

  struct Way {
    const Algorithm<Op>* algorithm;
    Variant variant;
  };
  // In words, not the reference: it is a last resort. Engines of other devices are nobody's loss.
  bool takes_part(const Algorithm<Op>& a) const {
    return a.engine != kReference && contains(a.devices, device_.device.kind());
  }
  // All that take part and can run it.
  std::vector<Way> ways() {
    std::vector<Way> all;
    for (const Algorithm<Op>& a : registry_.list<Op>()) {
      if (!takes_part(a) || !can_run(a)) continue;
      for (Variant& v : variants_of(a, problem_, device_, limits_)) {
        all.push_back({&a, std::move(v)});
      }
    }
    return all;
  }
  bool can_run(const Algorithm<Op>& a) {
    Verdict v = verdict(a, problem_, device_, math_);
    if (v) v = offers(a, problem_, device_, limits_);
    if (v && a.math == Math::bf16 && !a.fp32_tensors) {
      v = Verdict::no("takes tensors in bf16, and a net's are fp32");
    }
    if (!v) note(declined_, a.engine + ":" + a.name, v.why_not);
    return v.yes;
  }
  std::unique_ptr<Launch> prepare(const Algorithm<Op>& a, const Variant& v) const {
    auto launch = std::make_unique<LaunchOf<Op>>(a.prepare(problem_, v, device_));
    const std::string forbidden = objection(*launch, limits_);
    if (!forbidden.empty()) throw Unsupported(forbidden);
    return launch;
  }
  // nullptr where it cannot be made ready within the limits; the reason is kept.
  std::unique_ptr<Launch> ready(const Algorithm<Op>& a, const Variant& v) {
    try {
      return prepare(a, v);
    } catch (const Unsupported& e) {
      note(declined_, way_text(a.engine, a.name, v), e.what());
    } catch (const InvalidArgument& e) {  // a variant that it does not have
      note(declined_, way_text(a.engine, a.name, v), e.what());
    }
    return nullptr;
  }
  // The reason for a choice; where some could not, these come first in a list's stead.
  std::string why(const std::string& reason) const {
    if (declined_.empty()) return reason;
    return reason == "first in the list" ? declined_ : reason + "; " + declined_;
  }
  static void note(std::string& text, const std::string& who, const std::string& reason) {
    const std::string clause = who + ": " + reason;
    if (text.find(clause) == std::string::npos) text += (text.empty() ? "" : "; ") + clause;
  }

  const Registry& registry_;
  const Problem& problem_;
  const DeviceInfo& device_;
  Math math_;
  const Limits& limits_;
  Tuner* tuner_;
  std::span<const TensorView> operands_;
  std::string declined_, absent_;  // absent: of interest only where nothing can run the problem
};

/// "conv forward n1c16h14k32r3 in fp32 on cpu".
template <class Op>
std::string op_text(const typename Op::Problem& problem, const DeviceInfo& device, Math math) {
  return std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " + to_string(problem) +
         " in " + std::string(name_of(math)) + " on " + to_string(device.device);
}

/// As the run that goes on computed it; nothing where that is not recorded or cannot be. Throws
/// NotRepeatable where the policy says so.
template <class Op>
Chosen<Op> choose_recorded(Chooser<Op>& choose, const typename Op::Problem& problem,
                           const DeviceInfo& device, Math math, const Policy& policy,
                           std::string_view layer) {
  if (!policy.recorded) return {};
  const ChoiceRecord* r = policy.recorded->find(layer, Op::kName, Op::kPass, to_string(problem));
  Chosen<Op> chosen;
  if (r != nullptr) chosen = choose.exactly(r->engine, r->algorithm, r->variant);
  if (chosen) {
    for (const EngineName& name : policy.for_layer(layer)) {
      const bool its_own = name.engine == r->engine || is_word(name.engine);
      if (its_own && !name.checker.empty() && choose.add_checker(chosen, name)) break;
    }
    return chosen;
  }
  if (!policy.must_repeat) return {};
  throw NotRepeatable(
      "layer " + std::string(layer) + ": the run computed " + op_text<Op>(problem, device, math) +
      (r == nullptr ? " otherwise joined with its neighbours"
                    : " by " + way_text(r->engine, r->algorithm, r->variant) +
                          ", which cannot be repeated here (" + choose.reasons() + ")"));
}

/// The algorithm of the first entry in the layer's list that can run the problem; before all lists
/// what the policy has recorded.
template <class Op>
Chosen<Op> try_choose(const Registry& registry, const typename Op::Problem& problem,
                      const DeviceInfo& device, Math math, const Policy& policy,
                      std::string_view layer, std::span<const TensorView> operands) {
  Chooser<Op> choose(registry, problem, device, math, policy.limits, policy.tuner.get(), operands);
  if (Chosen<Op> chosen = choose_recorded(choose, problem, device, math, policy, layer)) {
    return chosen;
  }
  for (const EngineName& name : policy.for_layer(layer)) {
    if (Chosen<Op> chosen = choose(name)) return chosen;
  }
  Chosen<Op> none;
  none.why = choose.reasons();
  return none;
}

/// Whether op First may become Joined, which does a neighbour's work too: no later entry of the
/// layer's list may have to run it, for to be joined must not cost the engine that was asked for
/// first. Nothing is timed. Where a run must be repeated: whether it computed the op so, or with
/// more joined to it.
template <class Joined, class First>
bool may_join(const Registry& registry, const typename Joined::Problem& joined,
              const typename First::Problem& first, const DeviceInfo& device, Math math,
              const Policy& policy, std::string_view layer) {
  if (policy.recorded && policy.must_repeat) {
    return policy.recorded->joined(layer, Joined::kName, Joined::kPass, to_string(joined));
  }
  const std::vector<EngineName>& list = policy.for_layer(layer);
  const auto entry_of = [&]<class Op>(Chooser<Op> choose) {
    std::size_t entry = 0;
    while (entry < list.size() && !choose.can(list[entry])) ++entry;
    return entry;
  };
  const std::size_t entry =
      entry_of(Chooser<Joined>(registry, joined, device, math, policy.limits, nullptr, {}));
  return entry < list.size() && entry <= entry_of(Chooser<First>(registry, first, device, math,
                                                                 policy.limits, nullptr, {}));
}

/// As try_choose(); throws Unsupported where nothing can run the problem, naming op, problem, and
/// each engine with its reason.
template <class Op>
Chosen<Op> choose(const Registry& registry, const typename Op::Problem& problem,
                  const DeviceInfo& device, Math math, const Policy& policy, std::string_view layer,
                  std::span<const TensorView> operands = {}) {
  Chosen<Op> chosen = try_choose<Op>(registry, problem, device, math, policy, layer, operands);
  if (!chosen) {
    throw Unsupported("layer " + std::string(layer) + ": nothing in the list can run " +
                      op_text<Op>(problem, device, math) + " (" + chosen.why +
                      "); add an engine to the list");
  }
  return chosen;
}

}  // namespace fovea
