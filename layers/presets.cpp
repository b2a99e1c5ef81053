#include <fovea/core/error.h>
#include <fovea/layers/presets.h>
#include <fovea/layers/recipe.h>

namespace fovea {

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& p : detail::embedded_presets()) names.emplace_back(p.name);
  return names;
}

std::string_view preset_toml(std::string_view name) {
  for (const auto& p : detail::embedded_presets()) {
    if (p.name == name) return p.toml;
  }
  throw InvalidArgument("no preset is called '" + std::string(name) + "'; the nearest is '" +
                        nearest(name, preset_names()) + "'");
}

Recipe Recipe::preset(std::string_view name) {
  return parse(preset_toml(name), "preset " + std::string(name));
}

}  // namespace fovea
