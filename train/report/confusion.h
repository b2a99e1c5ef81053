// confusion.h - an evaluation as a page: scores, the classes most confused, the whole matrix.
#pragma once

#include <fovea/core/api.h>
#include <fovea/train/evaluation.h>

#include <filesystem>
#include <string>
#include <vector>

namespace fovea::report {

/// Replaces `path` by the page; self-contained. The matrix is drawn for at most 100 classes.
FOVEA_API void write_confusion(const std::filesystem::path& path, const std::string& title,
                               const std::vector<std::string>& class_names,
                               const Evaluation& evaluation);

}  // namespace fovea::report
