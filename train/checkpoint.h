// checkpoint.h - all that a run needs to go on, in one safetensors file: the model, its momentum,
// and in the metadata step, schedule, seed and options.
#pragma once

#include <fovea/core/api.h>
#include <fovea/train/model.h>
#include <fovea/train/trainer.h>

#include <filesystem>
#include <map>
#include <string>

namespace fovea {

struct Checkpoint {
  Model model;
  TrainingState state;
  std::map<std::string, std::string> options;  // how the run was started, by name
};

/// Writes it whole or not at all.
FOVEA_API void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);
/// Throws FormatError for anything that is not a whole checkpoint.
FOVEA_API Checkpoint load_checkpoint(const std::filesystem::path& path);

/// "step-000012000.safetensors".
FOVEA_API std::string checkpoint_name(std::int64_t step);
/// Removes all numbered checkpoints in the folder but the newest `keep`.
/// Also what writers left that were killed half-way.
FOVEA_API void prune_checkpoints(const std::filesystem::path& folder, int keep);
/// The newest numbered checkpoint that verifies; damaged ones and leftovers of a crash are passed
/// over. Throws InvalidArgument where there is none.
FOVEA_API Checkpoint newest_checkpoint(const std::filesystem::path& folder);

}  // namespace fovea
