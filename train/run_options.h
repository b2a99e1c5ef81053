// run_options.h - how a run was started, as text that its checkpoints keep. Internal to train/.
#pragma once

#include <fovea/train/run.h>

#include <map>
#include <string>

namespace fovea {

/// Everything of the options that a resume needs; the recipe is kept by the model itself.
std::map<std::string, std::string> options_to_text(const RunOptions& options);
/// The inverse. Throws FormatError for a value that is no option's.
RunOptions options_from_text(const std::map<std::string, std::string>& text, const Recipe& recipe);
/// Who computes each op and why, a line each with a head line: choices.tsv of a run.
std::string choices_table(const Executor& executor);

}  // namespace fovea
