// command_main.h - the `fovea` command as a function, so that a program of one's own can be the
// command with something added.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/registry.h>

#include <functional>

namespace fovea {

/// What a program adds to the command.
struct CommandAdditions {
  /// Called with the registry of every command: add algorithms of your own.
  std::function<void(Registry&)> add_algorithms = {};
};

/// Runs the command line; the result is the process's exit status: 0 done, 1 failed or "no", 2
/// wrong use or input, 3 lost numerics, 130 and 143 stopped by SIGINT and SIGTERM.
FOVEA_API int command_main(int argc, char** argv, const CommandAdditions& additions = {});

}  // namespace fovea
