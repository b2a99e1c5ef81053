#include <fovea/core/error.h>
#include <fovea/train/model.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

namespace fovea {
namespace {

StreamView host_stream() {
  static const Stream stream(Device::cpu());
  return stream.view();
}

}  // namespace

std::vector<ParameterSpec> parameters_of(const Recipe& recipe, int outputs) {
  Graph g;
  const InputRecipe& in = recipe.input;
  const Value x = g.input("x", {1, in.height, in.width, in.channels}, DType::f32);
  static_cast<void>(recipe.net(outputs)->record(g, x));
  return g.parameters();
}

Model::Model(Recipe recipe, std::vector<std::string> class_names, Preprocessing preprocessing)
    : recipe_{std::move(recipe)},
      class_names_{std::move(class_names)},
      preprocessing_{std::move(preprocessing)} {
  recipe_.validate(outputs());
  static_cast<void>(preprocessing_.mean_shape(recipe_.input));
  parameters_ = parameters_of(recipe_, outputs());
  layout_ = ParameterLayout(parameters_);
  weights_ = Tensor({layout_.count()}, DType::f32, host_stream());
  std::fill_n(weights_.as<float>(), layout_.count(), 0.0F);
}

Model::Model(Recipe recipe, std::vector<std::string> class_names, Preprocessing preprocessing,
             std::uint64_t seed)
    : Model(std::move(recipe), std::move(class_names), std::move(preprocessing)) {
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    float* first = weights_.as<float>() + layout_.offset(static_cast<int>(p));
    fill(parameters_[p].init, seed, static_cast<std::uint32_t>(p),
         {first, static_cast<std::size_t>(parameters_[p].shape.elements())});
  }
}

void Model::fill_parameter(std::size_t index, std::span<const float> elements) {
  std::ranges::copy(elements, weights_.as<float>() + layout_.offset(static_cast<int>(index)));
}

std::int64_t Model::parameter_count() const {
  std::int64_t count = 0;
  for (const ParameterSpec& p : parameters_) count += p.shape.elements();
  return count;
}

std::span<const float> Model::parameter(const std::string& name) const {
  std::string known;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    if (parameters_[p].name == name) {
      return {weights_.as<float>() + layout_.offset(static_cast<int>(p)),
              static_cast<std::size_t>(parameters_[p].shape.elements())};
    }
    known += (known.empty() ? "" : ", ") + parameters_[p].name;
  }
  throw InvalidArgument("the model has no parameter '" + name + "'; it has " + known);
}

// The layer that learned last: the one whose parameters were recorded last.
std::string Model::last_layer() const {
  const std::string& name = parameters_.back().name;
  return name.substr(0, name.rfind('.'));
}

Model Model::with_classes(std::vector<std::string> class_names, std::uint64_t seed) const {
  Model m(recipe_, std::move(class_names), preprocessing_, seed);
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    if (parameters_[p].shape == m.parameters_[p].shape) {
      // The last layer is new even where the number of classes is the same.
      const std::string& name = parameters_[p].name;
      if (name.substr(0, name.rfind('.')) == last_layer()) continue;
      m.fill_parameter(p, parameter(name));
    }
  }
  return m;
}

std::size_t Model::take_parameters(const Model& from) {
  *this = with_weights({weights_.as<float>(), static_cast<std::size_t>(weights_.elements())});
  std::size_t taken = 0;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    for (const ParameterSpec& other : from.parameters_) {
      if (other.name != parameters_[p].name || other.shape != parameters_[p].shape) continue;
      fill_parameter(p, from.parameter(other.name));
      ++taken;
    }
  }
  return taken;
}

Model Model::with_training(const TrainRecipe& training) const {
  Model m = *this;
  m.recipe_.train = training;
  m.parameters_ = parameters_of(m.recipe_, m.outputs());  // rates and decay
  m.layout_ = ParameterLayout(m.parameters_);
  return m;
}

Model Model::with_weights(std::span<const float> block) const {
  if (static_cast<std::int64_t>(block.size()) != layout_.count()) {
    throw InvalidArgument("model: a block of " + std::to_string(block.size()) +
                          " weights is not one of " + std::to_string(layout_.count()));
  }
  Model m = *this;
  m.weights_ = Tensor({layout_.count()}, DType::f32, host_stream());
  std::ranges::copy(block, m.weights_.as<float>());
  return m;
}

TensorFile Model::to_file() const {
  TensorFile file;
  file.metadata["format"] = "fovea model 1";
  file.metadata["recipe"] = recipe_.toml();
  file.metadata["classes"] = nlohmann::json(class_names_).dump();
  const auto add = [&](const std::string& name, const Shape& shape, std::span<const float> v) {
    file.tensors.push_back({name, shape, {v.begin(), v.end()}});
  };
  for (const ParameterSpec& p : parameters_) add(p.name, p.shape, parameter(p.name));
  add("input.mean", preprocessing_.mean_shape(recipe_.input), preprocessing_.mean);
  add("input.scale", {recipe_.input.channels}, preprocessing_.scale);
  return file;
}

Model Model::from_file(const TensorFile& file, const std::string& where,
                       decltype(Recipe::own_net) own_net) {
  const nlohmann::json names = nlohmann::json::parse(file.text("classes"), nullptr, false);
  const auto is_text = [](const nlohmann::json& j) { return j.is_string(); };
  if (!names.is_array() || names.empty() || !std::ranges::all_of(names, is_text)) {
    throw FormatError(where + ": the class names are no list of texts");
  }
  Recipe recipe = Recipe::parse(file.text("recipe"), where);
  if (own_net) recipe.own_net = std::move(own_net);
  Model m(std::move(recipe), names.get<std::vector<std::string>>(),
          {file.at("input.mean").elements, file.at("input.scale").elements});
  for (std::size_t p = 0; p < m.parameters_.size(); ++p) {
    const ParameterSpec& spec = m.parameters_[p];
    const NamedTensor& t = file.at(spec.name);
    if (t.shape != spec.shape) {
      throw FormatError(where + ": " + spec.name + " is " + to_string(t.shape) +
                        ", but the recipe wants " + to_string(spec.shape));
    }
    m.fill_parameter(p, t.elements);
  }
  return m;
}

Model Model::load(const std::string& path, decltype(Recipe::own_net) own_net) {
  std::filesystem::path file(path);
  if (std::filesystem::is_directory(file)) {
    file /= "model.safetensors";
    if (!std::filesystem::exists(file)) {
      throw InvalidArgument(path + " holds no model.safetensors: it is no run, or one that was " +
                            "stopped before its first save");
    }
  }
  return from_file(load_tensors(file.string()), file.string(), std::move(own_net));
}

void Model::save(const std::string& path) const { save_tensors(path, to_file()); }

}  // namespace fovea
