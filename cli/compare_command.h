// compare_command.h - what `fovea compare` was asked for. Internal to cli/.
#pragma once

#include <fovea/cli/context.h>

#include <string>
#include <vector>

namespace fovea::cli {

struct CompareCommand {
  std::vector<std::string> suites, problems, passes, maths, algorithms, skipped, batches;
  std::string out, csv, baseline, dump_wrong, dump, load;
  bool list = false, once = false, no_check = false, no_time = false, canonical = false;
  int reps = 0, variants = 0;
};

int run_compare(const CommandContext& c, const CompareCommand& o);

}  // namespace fovea::cli
