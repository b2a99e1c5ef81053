#include <fovea/core/error.h>
#include <fovea/kernels/ops/engines.h>
#include <fovea/layers/engine_lists.h>

#include <algorithm>
#include <string>
#include <vector>

namespace fovea {
namespace {

using Names = std::vector<std::string>;

// What executors record beside the recipe's layers.
constexpr const char* kOtherLayers[] = {"input", "loss", "probabilities", "update"};

bool has(const auto& names, const std::string& name) {
  return std::ranges::find(names, name) != std::end(names);
}
void add(Names& names, const std::string& name) {
  if (!has(names, name)) names.push_back(name);
}

// What the registry has, by name.
class Inventory {
 public:
  Inventory(const Registry& registry, const Device& device) : device_{device} {
    registry.for_each([&]<class Op>(const std::vector<Algorithm<Op>>& list) {
      for (const Algorithm<Op>& a : list) {
        add(engines_, a.engine);
        all_.push_back({a.engine, a.name});
        if (contains(a.devices, device.kind())) add(here_, a.engine);
      }
    });
  }

  void require(const std::vector<EngineName>& list) const {
    bool any = false;
    for (const EngineName& e : list) {
      require(e.engine, e.algorithm);
      if (!e.checker.empty()) require(e.checker, e.checker_algorithm);
      any = any || (is_here(e.engine) && (e.checker.empty() || is_here(e.checker)));
    }
    if (any) return;
    std::string there;
    for (const std::string& engine : here_) there += (there.empty() ? "" : ", ") + engine;
    throw Unsupported("engine list '" + engines_text(list) + "': nothing in it computes on " +
                      to_string(device_) +
                      "; what does: " + (there.empty() ? "nothing in this build" : there));
  }

 private:
  struct Name {
    std::string engine, algorithm;
  };

  bool is_here(const std::string& engine) const { return is_word(engine) || has(here_, engine); }

  void require(const std::string& engine, const std::string& algorithm) const {
    if (is_word(engine)) return;
    if (!has(engines_, engine)) {
      if (has(kEngines, engine)) return;
      Names known = engines_;
      for (const std::string_view e : kEngines) add(known, std::string(e));
      for (const std::string_view word : {kFastest, kSmallest}) known.emplace_back(word);
      throw InvalidArgument("no engine is called '" + engine + "'; the nearest is '" +
                            nearest(engine, known) + "'");
    }
    if (algorithm.empty()) return;
    Names names;
    for (const Name& n : all_) {
      if (n.engine == engine) add(names, n.algorithm);
    }
    if (has(names, algorithm)) return;
    throw InvalidArgument("engine " + engine + " has no algorithm '" + algorithm +
                          "'; the nearest is '" + nearest(algorithm, names) + "'");
  }

  Device device_;
  Names engines_, here_;
  std::vector<Name> all_;
};

void require_layers(const Policy& policy, const Recipe& recipe) {
  if (recipe.own_net) return;  // a net in C++ may record any name
  Names names;
  for (const LayerRecipe& l : recipe.layers) names.push_back(l.name);
  names.insert(names.end(), std::begin(kOtherLayers), std::end(kOtherLayers));
  for (const LayerEngines& l : policy.layers) {
    const auto is_meant = [&](const std::string& name) { return matches(l.pattern, name); };
    if (std::ranges::any_of(names, is_meant)) continue;
    throw InvalidArgument("engines for '" + l.pattern + "': " + recipe.name +
                          " has no such layer; the nearest is '" + nearest(l.pattern, names) + "'");
  }
}

}  // namespace

void require_known(const Policy& policy, const Registry& registry, const Device& device,
                   const Recipe& recipe) {
  const Inventory inventory(registry, device);
  inventory.require(policy.engines.empty() ? Policy::defaults(device).engines : policy.engines);
  for (const LayerEngines& l : policy.layers) inventory.require(l.engines);
  require_layers(policy, recipe);
}

}  // namespace fovea
