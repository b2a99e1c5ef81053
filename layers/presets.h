// presets.h - the TOML files built into the library. Internal.
#pragma once

#include <span>
#include <string_view>

namespace fovea::detail {

struct EmbeddedPreset {
  std::string_view name, toml;
};
std::span<const EmbeddedPreset> embedded_presets();

}  // namespace fovea::detail
