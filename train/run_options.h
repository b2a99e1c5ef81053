// run_options.h - how a run was started, as text that its checkpoints keep. Internal to train/.
#pragma once

#include <fovea/layers/plan.h>
#include <fovea/train/run.h>

#include <map>
#include <string>

namespace fovea {

/// Everything of the options that a resume needs; the recipe is kept by the model itself.
std::map<std::string, std::string> options_to_text(const RunOptions& options);
/// The inverse. Throws FormatError for a value that is no option's.
RunOptions options_from_text(const std::map<std::string, std::string>& text, const Recipe& recipe);
/// Engine, algorithm and variant of each op, a line each: what the bits depend on.
std::string choices_text(const Plan& plan);
/// "fovea:direct_tiled,reference".
std::string engines_text(const std::vector<EngineName>& engines);

}  // namespace fovea
