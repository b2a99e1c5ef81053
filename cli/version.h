// version.h - what `fovea --version` prints. Internal to cli/.
#pragma once

#include <string>

namespace fovea::cli {

/// Version, commit, compiler and features, one a line.
std::string version_text();

}  // namespace fovea::cli
