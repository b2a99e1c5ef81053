#include <fovea/core/error.h>
#include <fovea/kernels/ops/choose.h>

#include <vector>

namespace fovea {

namespace {

/// Looks for an algorithm of one entry of a list after the other, and remembers who declined why.
class Chooser {
 public:
  Chooser(const Candidates& all, const Limits& limits, Tuner* tuner,
          std::span<const TensorView> operands)
      : all_{all}, limits_{limits}, tuner_{tuner}, operands_{operands} {}

  ChosenCandidate operator()(const EngineName& name) {
    ChosenCandidate chosen = one(name.engine, name.algorithm);
    if (chosen && !name.checker.empty() && !add_checker(chosen, name)) return {};
    return chosen;
  }
  /// Whether the entry would choose something; prepares nothing that is slow to prepare.
  bool can(const EngineName& name) {
    return can_one(name.engine, name.algorithm) &&
           (name.checker.empty() || can_one(name.checker, name.checker_algorithm));
  }
  /// That variant of that algorithm and no other.
  ChosenCandidate exactly(const std::string& engine, const std::string& algorithm,
                          const Variant& v) {
    bool known = false;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const AlgorithmFacts a = all_.facts(i);
      if (a.engine != engine || a.name != algorithm) continue;
      known = true;
      if (!can_run(i)) continue;
      if (!a.has_variants && !v.empty()) {
        note(declined_, engine + ":" + algorithm, "has no variant '" + v + "'");
      } else if (auto launch = ready(i, v)) {
        return {i, v, "as the run was computed", std::move(launch)};
      }
    }
    if (!known) note(declined_, engine + ":" + algorithm, "is not there");
    return {};
  }
  /// Has the entry's second engine check the choice; false where that one cannot.
  bool add_checker(ChosenCandidate& chosen, const EngineName& name) {
    ChosenCandidate checker = one(name.checker, name.checker_algorithm);
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
  struct Way {
    std::size_t algorithm;
    Variant variant;
  };

  bool can_one(const std::string& engine, const std::string& algorithm) {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const AlgorithmFacts a = all_.facts(i);
      const bool named = is_word(engine) ? takes_part(a) : is_called(a, engine, algorithm);
      if (!named || !can_run(i)) continue;
      // Variants are offered within the limits, as far as that is known without preparing them.
      const bool any_room = limits_.workspace_bytes == Limits{}.workspace_bytes;
      if (a.has_variants && any_room) return true;
      for (const Variant& v : all_.variants(i, limits_)) {
        if (ready(i, v)) return true;
      }
    }
    return false;
  }
  ChosenCandidate one(const std::string& engine, const std::string& algorithm) {
    if (!is_word(engine)) return first(engine, algorithm);
    ChosenCandidate chosen = engine == kFastest ? fastest() : smallest();
    if (!chosen) note(absent_, engine, "no engine but the reference can run it");
    return chosen;
  }
  ChosenCandidate first(const std::string& engine, const std::string& algorithm) {
    bool known = false;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (!is_called(all_.facts(i), engine, algorithm)) continue;
      known = true;
      if (!can_run(i)) continue;
      for (Variant& v : all_.variants(i, limits_)) {
        if (auto launch = ready(i, v)) {
          return {i, std::move(v), why("first in the list"), std::move(launch)};
        }
      }
    }
    if (!known) note(absent_, engine, "has no algorithm for it");
    return {};
  }
  ChosenCandidate smallest() {
    ChosenCandidate best;
    for (const auto& [i, v] : ways()) {
      auto launch = ready(i, v);
      if (!launch || (best && launch->workspace_bytes() >= best.launch->workspace_bytes()))
        continue;
      best = {i, v, "", std::move(launch)};
    }
    if (best) {
      best.why =
          why("least workspace: " + std::to_string(best.launch->workspace_bytes()) + " bytes");
    }
    return best;
  }
  ChosenCandidate fastest() {
    if (tuner_ == nullptr) throw InvalidArgument("fastest: the policy has no tuner to ask");
    const std::vector<Way> ways = this->ways();
    TuningQuestion q{
        .op = all_.op(),
        .pass = all_.pass(),
        .problem = all_.problem(),
        .math = all_.math(),
        .device = all_.device(),
        .limits = limits_,
        .operands = operands_,
        .sample = [this](std::size_t operand,
                         std::span<std::byte> bytes) { return all_.sample(operand, bytes); },
        .candidates = {}};
    for (const Way& way : ways) {
      const AlgorithmFacts a = all_.facts(way.algorithm);
      q.candidates.push_back({a.engine, a.name, way.variant,
                              [this, way] { return prepare(way.algorithm, way.variant); }});
    }
    if (ways.empty()) return {};
    TuningAnswer answer = tuner_->fastest(q);
    for (const auto& [i, reason] : answer.passed_over) {
      note(declined_, text_of(ways[i].algorithm, ways[i].variant), reason);
    }
    if (!answer.launch) return {};
    const Way& way = ways[answer.winner];
    return {way.algorithm, way.variant, why(answer.why), std::move(answer.launch), {},
            nullptr,       answer.us};
  }

  static bool is_called(const AlgorithmFacts& a, const std::string& engine,
                        const std::string& algorithm) {
    return a.engine == engine && (algorithm.empty() || a.name == algorithm);
  }
  // In words, not the reference: it is a last resort. Engines of other devices are nobody's loss.
  bool takes_part(const AlgorithmFacts& a) const {
    return a.engine != kReference && contains(a.devices, all_.device().device.kind());
  }
  // All that take part and can run it.
  std::vector<Way> ways() {
    std::vector<Way> ways;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (!takes_part(all_.facts(i)) || !can_run(i)) continue;
      for (Variant& v : all_.variants(i, limits_)) ways.push_back({i, std::move(v)});
    }
    return ways;
  }
  bool can_run(std::size_t i) {
    const AlgorithmFacts a = all_.facts(i);
    Verdict v = all_.verdict(i);
    if (v) v = all_.offers(i, limits_);
    if (!v && !has_twin(a)) note(declined_, a.engine + ":" + a.name, v.why_not);
    return v.yes;
  }
  // The same algorithm in this math mode, which speaks for those in others.
  bool has_twin(const AlgorithmFacts& a) const {
    if (a.math == all_.math()) return false;
    for (std::size_t i = 0; i < all_.size(); ++i) {
      const AlgorithmFacts b = all_.facts(i);
      if (b.engine == a.engine && b.name == a.name && b.math == all_.math()) return true;
    }
    return false;
  }
  std::unique_ptr<Launch> prepare(std::size_t i, const Variant& v) const {
    auto launch = all_.prepare(i, v);
    const std::string forbidden = objection(*launch, limits_);
    if (!forbidden.empty()) throw Unsupported(forbidden);
    return launch;
  }
  // nullptr where it cannot be made ready within the limits; the reason is kept.
  std::unique_ptr<Launch> ready(std::size_t i, const Variant& v) {
    try {
      return prepare(i, v);
    } catch (const Unsupported& e) {
      note(declined_, text_of(i, v), e.what());
    } catch (const InvalidArgument& e) {  // a variant that it does not have
      note(declined_, text_of(i, v), e.what());
    }
    return nullptr;
  }
  std::string text_of(std::size_t i, const Variant& v) const {
    const AlgorithmFacts a = all_.facts(i);
    return way_text(a.engine, a.name, v);
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

  const Candidates& all_;
  const Limits& limits_;
  Tuner* tuner_;
  std::span<const TensorView> operands_;
  std::string declined_, absent_;  // absent: of interest only where nothing can run the problem
};

// As the run that goes on computed it; nothing where that is not recorded or cannot be. Throws
// NotRepeatable where the policy says so.
ChosenCandidate choose_recorded(Chooser& choose, const Candidates& candidates, const Policy& policy,
                                std::string_view layer) {
  if (!policy.recorded) return {};
  const ChoiceRecord* r =
      policy.recorded->find(layer, candidates.op(), candidates.pass(), candidates.problem());
  ChosenCandidate chosen;
  if (r != nullptr) chosen = choose.exactly(r->engine, r->algorithm, r->variant);
  if (chosen) {
    for (const EngineName& name : policy.for_layer(layer)) {
      const bool its_own = name.engine == r->engine || is_word(name.engine);
      if (its_own && !name.checker.empty() && choose.add_checker(chosen, name)) break;
    }
    return chosen;
  }
  if (!policy.must_repeat) return {};
  throw NotRepeatable("layer " + std::string(layer) + ": the run computed " + candidates.text() +
                      (r == nullptr
                           ? " otherwise joined with its neighbours"
                           : " by " + way_text(r->engine, r->algorithm, r->variant) +
                                 ", which cannot be repeated here (" + choose.reasons() + ")"));
}

// The first entry of a list that would choose something; its size where none would.
std::size_t first_entry(const Candidates& candidates, const Limits& limits,
                        const std::vector<EngineName>& list) {
  Chooser choose(candidates, limits, nullptr, {});
  std::size_t entry = 0;
  while (entry < list.size() && !choose.can(list[entry])) ++entry;
  return entry;
}

// What to add to a list in which nothing can run the problem.
std::string advice(const Candidates& candidates, const Limits& limits) {
  std::string able;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::string engine = candidates.facts(i).engine;
    if (able.empty() && Chooser(candidates, limits, nullptr, {}).can({engine, ""})) able = engine;
  }
  return able.empty() ? "add an engine to the list" : "add one that can to the list: " + able;
}

}  // namespace

ChosenCandidate try_choose_among(const Candidates& candidates, const Policy& policy,
                                 std::string_view layer, std::span<const TensorView> operands) {
  Chooser choose(candidates, policy.limits, policy.tuner.get(), operands);
  if (ChosenCandidate chosen = choose_recorded(choose, candidates, policy, layer)) return chosen;
  for (const EngineName& name : policy.for_layer(layer)) {
    if (ChosenCandidate chosen = choose(name)) return chosen;
  }
  ChosenCandidate none;
  none.why = choose.reasons();
  return none;
}

ChosenCandidate choose_among(const Candidates& candidates, const Policy& policy,
                             std::string_view layer, std::span<const TensorView> operands) {
  ChosenCandidate chosen = try_choose_among(candidates, policy, layer, operands);
  if (!chosen) {
    throw Unsupported("layer " + std::string(layer) + ": nothing in the list can run " +
                      candidates.text() + " (" + chosen.why + "); " +
                      advice(candidates, policy.limits));
  }
  return chosen;
}

bool may_become(const Candidates& joined, const Candidates& first, const Policy& policy,
                std::string_view layer) {
  if (policy.recorded && policy.must_repeat) {
    return policy.recorded->joined(layer, joined.op(), joined.pass(), joined.problem());
  }
  const std::vector<EngineName>& list = policy.for_layer(layer);
  const std::size_t entry = first_entry(joined, policy.limits, list);
  return entry < list.size() && entry <= first_entry(first, policy.limits, list);
}

}  // namespace fovea
