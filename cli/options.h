// options.h - what the command line says, command by command. Internal to cli/.
#pragma once

#include <fovea/core/device.h>
#include <fovea/core/dtype.h>
#include <fovea/kernels/ops/policy.h>
#include <fovea/kernels/registry/timing_tuner.h>
#include <fovea/layers/recipe.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fovea::cli {

/// Options that every command takes.
struct Common {
  std::string device = "auto";
  std::string engines;                   // empty: the device's default list
  std::vector<std::string> engines_for;  // LAYER=LIST
  std::string math = "fp32";
  std::uint64_t seed = 1;
  int threads = 0, loaders = 0;  // 0: what quota and affinity allow
  bool nondeterministic = false, quiet = false;
  std::string json;       // file, or "-"
  std::string workspace;  // a size; empty: no limit
  std::string tuning;     // file of what was found fastest

  /// Asked by `fastest`, by all plans of the command; made when first needed.
  mutable std::shared_ptr<TimingTuner> tuner = nullptr;

  Math math_mode() const;
  Limits limits() const;
  /// The engine lists and limits, without a tuner. Throws Unsupported for `fastest` on emulated.
  Policy lists(const Device& d) const;
  /// The same with the tuner that --tuning wants, where a list says `fastest`.
  Policy policy(const Device& d) const;
};

/// Which recipe: a preset or a file, with changes.
struct RecipeChoice {
  std::string preset, config;
  std::vector<std::string> set;
  std::optional<int> epochs, batch;
  std::optional<float> learning_rate;

  /// The preset or file as it is. Throws InvalidArgument where neither or both are given.
  Recipe base() const;
  /// With --set and flags applied, in this order.
  Recipe resolve() const;
};

struct TrainCommand {
  RecipeChoice recipe;
  std::string data, out, weights, labels, resume;
  std::optional<double> validation;
  std::int64_t limit = 0, overfit = 0, max_steps = -1;
  bool allow_different_bits = false, stop_on_flat = false;
};

struct PresetsCommand {
  std::string name;
  bool toml = false;
  std::vector<std::string> diff;
};

struct PlanCommand {
  RecipeChoice recipe;
  std::string memory, data;
  int classes = 0;
};

struct TimeCommand {
  RecipeChoice recipe;
  std::vector<std::string> engines;  // a column each
  std::string maths = "fp32";        // a column each
  int steps = 20;
};

struct EvaluateCommand {
  std::string run, data, split, labels, html;  // split empty: default_split()
  int views = 1;
  std::int64_t limit = 0;
};

struct ClassifyCommand {
  std::string run, data;
  std::vector<std::string> images;
  std::int64_t index = -1;
  int top = 5;
};

struct FeaturesCommand {
  std::string run, data, load, to, split;  // split empty: default_split()
  std::vector<std::string> layers;
  std::int64_t limit = 0;
};

struct CheckGradsCommand {
  RecipeChoice recipe;
};

}  // namespace fovea::cli
