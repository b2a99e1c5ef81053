// report.h - report.html of a run: one file, no script and nothing from elsewhere.
#pragma once

#include <fovea/core/api.h>
#include <fovea/train/metrics_log.h>
#include <fovea/train/model.h>

#include <filesystem>
#include <vector>

namespace fovea {

/// Curves of loss and error, the recipe, the layers, the filters of the first convolution.
/// Written whole or not at all.
FOVEA_API void write_report(const std::filesystem::path& path, const Recipe& recipe,
                            const Model& model, const std::vector<MetricsLine>& lines);

}  // namespace fovea
