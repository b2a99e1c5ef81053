// tuning_file.h - a tuner whose answers are kept in a file, to be used again by other runs.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/registry/timing_tuner.h>

#include <memory>
#include <string>

namespace fovea {

/// A tuner that knows what the file holds, and adds there what it measures; entries that others
/// have added meanwhile stay. A file that is no tuning table is neither read nor written, and lines
/// that are wrong are passed over: one warning to the log says so, and one that it cannot be
/// written. `path` "": keeps nothing. Throws InvalidArgument where the file's folder is not there.
FOVEA_API std::shared_ptr<TimingTuner> file_tuner(const std::string& path);

}  // namespace fovea
