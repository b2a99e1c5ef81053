// version.h - what `fovea --version` prints. Internal to cli/.
#pragma once

#include <string>

namespace fovea::cli {

/// Version, commit, compiler and features, one a line.
std::string version_text();
/// Version of the library behind an engine; empty for our own.
std::string engine_version(const std::string& engine);

}  // namespace fovea::cli
