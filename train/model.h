// model.h - net, weights, preprocessing and class names as one value and one file.
#pragma once

#include <fovea/core/api.h>
#include <fovea/core/tensor.h>
#include <fovea/layers/recipe.h>
#include <fovea/train/preprocessing.h>
#include <fovea/train/safetensors.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fovea {

/// Immutable while predictors use it: copies share the weights, with_weights() makes a new block.
class FOVEA_API Model {
 public:
  /// A fresh net, its parameters as the recipe's initialisers say. `class_names`: one a class; for
  /// a recipe with loss mse, one an output.
  Model(Recipe recipe, std::vector<std::string> class_names, Preprocessing preprocessing,
        std::uint64_t seed);

  /// A run folder (its model.safetensors), or the one file. Throws InvalidArgument or FormatError.
  /// `own_net`: the net, where it was written in C++ (see Recipe::own_net).
  static Model load(const std::string& path, decltype(Recipe::own_net) own_net = {});
  /// Writes the one file, whole or not at all.
  void save(const std::string& path) const;

  /// The same net for other classes: a new last layer (drawn by `seed`), the rest kept.
  Model with_classes(std::vector<std::string> class_names, std::uint64_t seed = 1) const;
  /// Takes over each parameter of `from` that has name and shape of one of ours; says how many.
  std::size_t take_parameters(const Model& from);
  /// The same model, to be trained in another way.
  Model with_training(const TrainRecipe& training) const;
  /// The same model with other weights: a block as layout() says.
  Model with_weights(std::span<const float> block) const;

  const Recipe& recipe() const { return recipe_; }
  const std::vector<std::string>& class_names() const { return class_names_; }
  int outputs() const { return static_cast<int>(class_names_.size()); }
  const Preprocessing& preprocessing() const { return preprocessing_; }
  const std::vector<ParameterSpec>& parameters() const { return parameters_; }
  const ParameterLayout& layout() const { return layout_; }
  /// Learned numbers, padding not counted.
  std::int64_t parameter_count() const;
  /// The block of all parameters, host memory, layout().count() elements.
  const Tensor& weights() const { return weights_; }
  /// One parameter. Throws InvalidArgument with the names there are.
  std::span<const float> parameter(const std::string& name) const;

  /// As tensors and metadata of a file; checkpoints add to them.
  TensorFile to_file() const;
  /// The inverse; `where` names the source in errors.
  static Model from_file(const TensorFile& file, const std::string& where,
                         decltype(Recipe::own_net) own_net = {});

 private:
  Model(Recipe recipe, std::vector<std::string> class_names, Preprocessing preprocessing);
  std::string last_layer() const;
  void fill_parameter(std::size_t index, std::span<const float> elements);

  Recipe recipe_;
  std::vector<std::string> class_names_;
  Preprocessing preprocessing_;
  std::vector<ParameterSpec> parameters_;
  ParameterLayout layout_;
  Tensor weights_;
};

/// The parameters that a recipe's net has for so many outputs, in their order.
FOVEA_API std::vector<ParameterSpec> parameters_of(const Recipe& recipe, int outputs);

}  // namespace fovea
