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

/// "fovea" (any of its algorithms) or "fovea:direct_tiled" (that one alone).
struct EngineName {
  std::string engine, algorithm;
  bool admits(std::string_view e, std::string_view a) const {
    return engine == e && (algorithm.empty() || algorithm == a);
  }
  friend bool operator==(const EngineName&, const EngineName&) = default;
};

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

/// "onednn,reference" or "fovea:direct_tiled". Throws InvalidArgument for an empty entry; whether
/// an engine exists is the registry's to say, since users add their own.
FOVEA_API std::vector<EngineName> parse_engines(std::string_view list);
/// "conv*=reference". Throws InvalidArgument.
FOVEA_API LayerEngines parse_layer_engines(std::string_view text);
/// Whether `name` matches `pattern`, where * stands for any run of characters.
FOVEA_API bool matches(std::string_view pattern, std::string_view name);

/// What was chosen for one op, and why: a row of the printed table.
struct Choice {
  std::string engine, algorithm;
  Variant variant;
  std::string why;  // "first in the list", "onednn: no primitive for it"
};

template <class Op>
struct Chosen {
  const Algorithm<Op>* algorithm = nullptr;  // nullptr: none can run it; why says all reasons
  Variant variant;
  std::string why;
  explicit operator bool() const { return algorithm != nullptr; }
};

/// The first algorithm of the first engine in the layer's list that can run the problem.
template <class Op>
Chosen<Op> try_choose(const Registry& registry, const typename Op::Problem& problem,
                      const DeviceInfo& device, Math math, const Policy& policy,
                      std::string_view layer) {
  std::string declined, absent;  // absent: of interest only where nothing can run the problem
  const auto note = [&](const std::string& who, const std::string& reason) {
    declined += (declined.empty() ? "" : "; ") + who + ": " + reason;
  };
  for (const EngineName& name : policy.for_layer(layer)) {
    bool known = false;
    for (const Algorithm<Op>& a : registry.list<Op>()) {
      if (!name.admits(a.engine, a.name)) continue;
      known = true;
      const Verdict v = verdict(a, problem, device, math);
      if (v) {
        return {&a, variants_of(a, problem, device, policy.limits).front(),
                declined.empty() ? "first in the list" : declined};
      }
      note(a.engine + ":" + a.name, v.why_not);
    }
    if (!known) absent += (absent.empty() ? "" : "; ") + name.engine + ": has no algorithm for it";
  }
  if (!absent.empty()) declined += (declined.empty() ? "" : "; ") + absent;
  return {nullptr, {}, declined};
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
