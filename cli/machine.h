// machine.h - where and when something was measured, as reports say it. Internal to cli/.
#pragma once

#include <fovea/kernels/compare/report.h>

#include <string>

namespace fovea::cli {

/// The line of `fovea --version` that begins with `word`, without it; "" where there is none.
std::string version_of(const std::string& word);

/// The machine with the versions of the libraries that work here.
compare::Machine machine_here(const Device& device);

/// Now, ISO 8601 in UTC.
std::string utc_now();

}  // namespace fovea::cli
