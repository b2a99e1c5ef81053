// policy.h - who computes: an ordered list of engines, per run and per layer, and the choice by it.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/error.h>
#include <fovea/kernels/ops/registry.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea {

/// "fovea" (any of its algorithms), "fovea:direct_tiled" (that one alone), "smallest" (of all
/// engines but the reference the algorithm with the least workspace) or "check:onednn,reference"
/// (onednn computes, the reference does too, and a difference ends the step with an Error that
/// names the layer; both must be able to).
struct EngineName {
  std::string engine, algorithm;
  std::string checker = {}, checker_algorithm = {};
  friend bool operator==(const EngineName&, const EngineName&) = default;
};
inline constexpr std::string_view kSmallest = "smallest";

/// A layer-name pattern ("conv*") with the list that holds for the layers it matches.
struct LayerEngines {
  std::string pattern;
  std::vector<EngineName> engines;
};

/// For each op the first engine in the list that can run it. One name alone is strict.
struct FOVEA_API Policy {
  std::vector<EngineName> engines;
  std::vector<LayerEngines> layers;  // the last that matches wins
  Limits limits;

  /// `fovea` on cuda and emulated; on cpu `simd,onednn,reference`: engines that this build lacks
  /// have no algorithms in the registry and are passed over.
  static Policy defaults(const Device& device);
  /// The list for a layer.
  const std::vector<EngineName>& for_layer(std::string_view layer) const;
};

/// "onednn,reference" or "fovea:direct_tiled", with the words of EngineName. Throws InvalidArgument
/// for an empty entry; whether an engine exists is the registry's to say, since users add their
/// own.
FOVEA_API std::vector<EngineName> parse_engines(std::string_view list);
/// "conv*=reference". Throws InvalidArgument.
FOVEA_API LayerEngines parse_layer_engines(std::string_view text);
/// Whether `name` matches `pattern`, where * stands for any run of characters.
FOVEA_API bool matches(std::string_view pattern, std::string_view name);

/// What was chosen for one op, and why: a row of the printed table.
struct Choice {
  std::string engine, algorithm;
  Variant variant;
  std::string why;           // "first in the list", "onednn: no primitive for it"
  std::string checker = {};  // "reference:loops" where that one is run beside it
};

template <class Op>
struct Chosen {
  const Algorithm<Op>* algorithm = nullptr;  // nullptr: none can run it; why says all reasons
  Variant variant = {};
  std::string why = {};
  const Algorithm<Op>* checker = nullptr;  // runs beside it, to compare
  Variant checker_variant = {};
  explicit operator bool() const { return algorithm != nullptr; }
};

/// Looks for an algorithm of one entry of a list after the other, and remembers who declined why.
template <class Op>
class Chooser {
 public:
  using Problem = typename Op::Problem;
  Chooser(const Registry& registry, const Problem& problem, const DeviceInfo& device, Math math,
          const Limits& limits)
      : registry_{registry}, problem_{problem}, device_{device}, math_{math}, limits_{limits} {}

  Chosen<Op> operator()(const EngineName& name) {
    if (name.engine == kSmallest) return smallest();
    Chosen<Op> chosen = first(name.engine, name.algorithm);
    if (!chosen || name.checker.empty()) return chosen;
    const Chosen<Op> checker = first(name.checker, name.checker_algorithm);
    if (!checker) return {};
    chosen.checker = checker.algorithm;
    chosen.checker_variant = checker.variant;
    return chosen;
  }
  /// Who cannot, and why not; names that no algorithm has come last.
  std::string reasons() const {
    return declined_ + (declined_.empty() || absent_.empty() ? "" : "; ") + absent_;
  }

 private:
  Chosen<Op> first(const std::string& engine, const std::string& algorithm) {
    bool known = false;
    for (const Algorithm<Op>& a : registry_.list<Op>()) {
      if (a.engine != engine || !(algorithm.empty() || a.name == algorithm)) continue;
      known = true;
      if (can_run(a)) return {&a, variants_of(a, problem_, device_, limits_).front(), why()};
    }
    if (!known) note(absent_, engine, "has no algorithm for it");
    return {};
  }
  Chosen<Op> smallest() {
    Chosen<Op> best;
    std::size_t least = 0;
    for (const Algorithm<Op>& a : registry_.list<Op>()) {
      if (a.engine == "reference" || !can_run(a)) continue;
      for (Variant& v : variants_of(a, problem_, device_, limits_)) {
        const std::size_t bytes = a.prepare(problem_, v, device_)->workspace_bytes();
        if (best && bytes >= least) continue;
        best.algorithm = &a;
        best.variant = std::move(v);
        least = bytes;
      }
    }
    if (best) best.why = "least workspace: " + std::to_string(least) + " bytes";
    return best;
  }
  bool can_run(const Algorithm<Op>& a) {
    const Verdict v = verdict(a, problem_, device_, math_);
    if (!v) note(declined_, a.engine + ":" + a.name, v.why_not);
    return v.yes;
  }
  std::string why() const { return declined_.empty() ? "first in the list" : declined_; }
  static void note(std::string& text, const std::string& who, const std::string& reason) {
    text += (text.empty() ? "" : "; ") + who + ": " + reason;
  }

  const Registry& registry_;
  const Problem& problem_;
  const DeviceInfo& device_;
  Math math_;
  const Limits& limits_;
  std::string declined_, absent_;  // absent: of interest only where nothing can run the problem
};

/// The algorithm of the first entry in the layer's list that can run the problem.
template <class Op>
Chosen<Op> try_choose(const Registry& registry, const typename Op::Problem& problem,
                      const DeviceInfo& device, Math math, const Policy& policy,
                      std::string_view layer) {
  Chooser<Op> choose(registry, problem, device, math, policy.limits);
  for (const EngineName& name : policy.for_layer(layer)) {
    if (Chosen<Op> chosen = choose(name)) return chosen;
  }
  Chosen<Op> none;
  none.why = choose.reasons();
  return none;
}

/// As try_choose(); throws Unsupported where nothing can run the problem, naming op, problem, and
/// each engine with its reason.
template <class Op>
Chosen<Op> choose(const Registry& registry, const typename Op::Problem& problem,
                  const DeviceInfo& device, Math math, const Policy& policy,
                  std::string_view layer) {
  Chosen<Op> chosen = try_choose<Op>(registry, problem, device, math, policy, layer);
  if (!chosen) {
    throw Unsupported("layer " + std::string(layer) + ": nothing in the list can run " +
                      std::string(Op::kName) + " " + std::string(name_of(Op::kPass)) + " " +
                      to_string(problem) + " in " + std::string(name_of(math)) + " on " +
                      to_string(device.device) + " (" + chosen.why +
                      "); add an engine to the list");
  }
  return chosen;
}

}  // namespace fovea
