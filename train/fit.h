// fit.h - whether a model and a data set belong together. Internal.
#pragma once

#include <fovea/data/dataset.h>
#include <fovea/train/model.h>

namespace fovea {

/// Throws InvalidArgument where the data has other classes (or targets) than the model.
void require_fit(const Model& model, const Dataset& data);

}  // namespace fovea
