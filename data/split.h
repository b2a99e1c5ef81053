// split.h - which pictures are held out for validation.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>
#include <fovea/data/open.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace fovea {

/// Whether the picture of this name is held out: a function of name and fraction alone, so that
/// pictures added later move none, and a larger fraction only adds to what a smaller one held out.
FOVEA_API bool held_out(std::string_view name, double fraction);

/// Throws InvalidArgument unless 0 <= fraction < 1.
void check_fraction(double fraction);

/// Moves the held-out pictures of `data.training`, named by their number, to `data.validation`.
/// Throws InvalidArgument where nothing would be left to train on.
void hold_out_by_number(DataSets& data, double fraction);

}  // namespace fovea
