// command_main.h - the `fovea` command as a function, so that a program of one's own can be the
// command with something added:
//
//   int main(int argc, char** argv) {
//     return fovea::command_main(argc, argv, {.convolutions = {mine}});
//   }
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/conv_algorithm.h>
#include <fovea/kernels/ops/registry.h>

#include <functional>
#include <vector>

namespace fovea {

/// What a program adds to the command.
struct CommandAdditions {
  /// Convolutions of your own, each an engine of its name: `compare --algo mine`,
  /// `train --engine mine,fovea`.
  std::vector<ConvAlgorithm> convolutions = {};
  /// Those for the emulated device once more, under the same names, compiled so that `compare` can
  /// count their work: fovea_target_kernels() does it, in namespace emu_counted.
  std::vector<ConvAlgorithm> counted = {};
  /// For all else: called with the registry of every command, after the convolutions.
  std::function<void(Registry&)> add_algorithms = {};
};

/// Runs the command line; the result is the process's exit status: 0 done, 1 failed or "no", 2
/// wrong use or input, 3 lost numerics, 130 and 143 stopped by SIGINT and SIGTERM.
FOVEA_API int command_main(int argc, char** argv, const CommandAdditions& additions = {});

}  // namespace fovea
