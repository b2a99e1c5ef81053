// embedded_suites.h - the suites that CMake builds in. Internal.
#pragma once

#include <span>
#include <string_view>

namespace fovea::compare {

struct EmbeddedSuite {
  std::string_view name, text;
};
std::span<const EmbeddedSuite> embedded_suites();

}  // namespace fovea::compare
