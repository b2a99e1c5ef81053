// statistics.h - the preprocessing that a recipe asks for, measured on training pictures.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>
#include <fovea/data/statistics.h>
#include <fovea/train/preprocessing.h>

namespace fovea {

/// Whether the recipe asks for anything that the pictures must be read for.
FOVEA_API bool is_measured(const InputRecipe& input);

/// Means and deviations over all pictures of `training`, brought to the recipe's stored size.
/// The same values for any number of threads. `progress` is told how far it is; its answer is not
/// asked for.
FOVEA_API Preprocessing measure_preprocessing(
    const Recipe& recipe, const Dataset& training,
    const std::function<void(std::int64_t done, std::int64_t total)>& progress = {});

}  // namespace fovea
