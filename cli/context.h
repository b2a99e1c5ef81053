// context.h - what a command runs in: options, registry, where text goes. Internal to cli/.
#pragma once

#include <fovea/cli/options.h>

#include <cstdio>
#include <string>

namespace fovea::cli {

struct CommandContext {
  Common common;
  Registry registry;
  Registry counted;          // added algorithms, compiled to count
  std::string program;       // as called: commands that we print start with it
  std::string command_line;  // as called, quoted for a shell

  /// Progress goes to standard error, results to standard output.
  void progress(const std::string& line) const {
    if (!common.quiet) std::fprintf(stderr, "%s\n", line.c_str());
  }
  void print(const std::string& line) const { std::printf("%s\n", line.c_str()); }
  /// A line beside a report, whose JSON may have taken standard output.
  void say(const std::string& line) const { common.json == "-" ? progress(line) : print(line); }
};

int run_devices(const CommandContext& c);
int run_presets(const CommandContext& c, const PresetsCommand& o);
int run_plan(const CommandContext& c, const PlanCommand& o);
int run_time(const CommandContext& c, const TimeCommand& o);
int run_train(const CommandContext& c, const TrainCommand& o);
int run_evaluate(const CommandContext& c, const EvaluateCommand& o);
int run_classify(const CommandContext& c, const ClassifyCommand& o);
int run_features(const CommandContext& c, const FeaturesCommand& o);
int run_check_grads(const CommandContext& c, const CheckGradsCommand& o);

}  // namespace fovea::cli
