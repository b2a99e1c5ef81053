// statistics.h - the preprocessing that a recipe asks for, measured on training pictures.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>
#include <fovea/train/preprocessing.h>

namespace fovea {

/// Means and deviations over all pictures of `training`, brought to the recipe's stored size.
/// The same values for any number of threads.
FOVEA_API Preprocessing measure_preprocessing(const Recipe& recipe, const Dataset& training);

}  // namespace fovea
