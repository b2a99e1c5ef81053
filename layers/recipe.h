// recipe.h - a complete, named way to train a net: the net, its initialisation, the treatment of
// the data, the schedule. A preset is a recipe built into the library; a TOML file is one of yours.
#pragma once

#include <fovea/core/api.h>
#include <fovea/layers/layer.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

/// [input]: from a picture to what the net sees.
struct InputRecipe {
  int height = 28, width = 28;  // what the net sees, after cropping
  int channels = 1;             // 1 grey, 3 colour
  int resize = 0;  // shorter side of the stored picture, cropped to a square; 0: as the net sees
  int pad = 0;     // zeros around it before cropping
  bool mirror = false;              // half of the training pictures, at random
  std::string mean = "channel";     // subtracted: "channel", "pixel" (mean picture), "none"
  std::string scale = "deviation";  // divided by: "deviation" (a channel's), "none", or "255"
};

/// One [[layer]]. Which keys a type takes: recipe_keys().
struct LayerRecipe {
  std::string type;              // conv, linear, relu, tanh, maxpool, avgpool, lrn, dropout, add
  std::string name;              // default: type and number
  int filters = 0, outputs = 0;  // outputs 0: the data's number of classes
  int size = 0, width = 0;       // window height; width 0: square
  int stride = 1;
  Padding pad{};
  int dilation = 1, groups = 1;
  bool bias = true, ceil = false, count_padding = true;
  std::string init = "gaussian";  // gaussian, he, fan_in, constant
  float deviation = 0.01F;        // of gaussian; the value of constant
  float bias_value = 0.0F;
  float rate = 1.0F;  // times the learning rate, for weight and bias
  float alpha = 1e-4F, beta = 0.75F, k = 2.0F;
  bool divide = false, within = false;
  float probability = 0.5F;  // of being dropped
  bool inverted = false;
  std::string with;  // add: the earlier layer
};

/// From this epoch (counted from 1) on the learning rate is multiplied by `factor`.
struct RateStep {
  int epoch = 1;
  float factor = 0.1F;
};

/// [train]
struct TrainRecipe {
  int batch = 128;
  int epochs = 10;
  float learning_rate = 0.01F;
  float momentum = 0.9F;
  float weight_decay = 0.0F;
  float bias_rate = 1.0F;        // times the learning rate
  float bias_decay = 0.0F;       // times weight_decay
  std::string loss = "softmax";  // softmax (cross entropy), mse
  std::vector<RateStep> steps;   // [[train.step]]
  // Plateau: times plateau_factor when the validation error has not improved for plateau_patience
  // epochs, at most plateau_times times. 0 patience: off.
  int plateau_patience = 0, plateau_times = 3;
  float plateau_factor = 0.1F;
};

struct FOVEA_API Recipe {
  std::string name, about;
  InputRecipe input;
  std::vector<LayerRecipe> layers;
  TrainRecipe train;
  /// A net written in C++ in place of `layers`, made for a number of classes. It is no part of the
  /// TOML: whoever loads such a model hands the net over again.
  std::function<std::shared_ptr<const Sequential>(int classes)> own_net = {};

  /// Throws InvalidArgument with line, key and the nearest known key. `where` names the source.
  static Recipe parse(std::string_view toml, const std::string& where);
  static Recipe load(const std::string& path);
  /// One of preset_names(). Throws InvalidArgument naming the nearest.
  static Recipe preset(std::string_view name);

  /// Complete TOML; parse() gives an equal recipe. Values that differ from `base` are marked by a
  /// comment at the line's end.
  std::string toml(const Recipe* base = nullptr) const;
  /// "train.epochs=3", "input.mirror=true", "layer.conv1.filters=32". Throws InvalidArgument.
  void set(std::string_view assignment);
  /// Refuses what cannot be trained: sizes, names used twice, a net that does not fit its input.
  void validate(int classes) const;
  /// The net for so many classes (outputs, for mse).
  std::shared_ptr<const Sequential> net(int classes) const;
  /// Side of the square pictures that the loader delivers, or height and width as the net sees.
  int stored_height() const { return input.resize > 0 ? input.resize : input.height; }
  int stored_width() const { return input.resize > 0 ? input.resize : input.width; }
};

/// Names of the built-in presets, simplest first.
FOVEA_API std::vector<std::string> preset_names();
/// The TOML of a preset as it is in the library.
FOVEA_API std::string_view preset_toml(std::string_view name);

/// A key that a recipe's TOML may hold: for documents and error messages, from the table that
/// parses.
struct RecipeKey {
  std::string section, key, type, fallback, about;
};
FOVEA_API std::vector<RecipeKey> recipe_keys();

/// Of `known`, the one with the smallest edit distance to `word`.
FOVEA_API std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace fovea
