// patterns.h - which algorithms and variants options admit. Internal.
#pragma once

#include <fovea/kernels/compare/compare.h>

#include <string>
#include <string_view>
#include <vector>

namespace fovea::compare {

/// Whether --algo admits it and --skip-algo does not name it. `reference` is admitted by its name
/// alone.
bool admits_algorithm(const Options& o, std::string_view engine, std::string_view algorithm);

/// Of all variants those admitted: the ones that a pattern names, else every one on cuda and the
/// first elsewhere.
std::vector<Variant> admitted(const Options& o, std::string_view engine, std::string_view algorithm,
                              std::vector<Variant> all);

/// The command that repeats a row.
std::string reproduce(const Options& o, const Row& row);

}  // namespace fovea::compare
