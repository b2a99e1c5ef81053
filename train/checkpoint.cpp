#include <fovea/core/error.h>
#include <fovea/train/checkpoint.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace fovea {
namespace {

constexpr const char* kMomentum = "momentum/";

/// The files of a folder whose names are accepted; none where it cannot be read.
template <class Accepts>
std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder,
                                            const Accepts& accepts) {
  std::vector<std::filesystem::path> files;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (accepts(entry.path().filename().string())) files.push_back(entry.path());
  }
  return files;
}

std::vector<std::filesystem::path> numbered(const std::filesystem::path& folder) {
  auto files = files_in(folder, [](const std::string& name) {
    return name.starts_with("step-") && name.ends_with(".safetensors");
  });
  std::ranges::sort(files);  // the numbers have a fixed width
  return files;
}

/// What writers left that were killed before their file took its name.
std::vector<std::filesystem::path> half_written(const std::filesystem::path& folder) {
  return files_in(folder, [](const std::string& name) {
    return name.find(".safetensors.tmp-") != std::string::npos;
  });
}

template <class Number>
Number number_of(const TensorFile& file, const std::string& key) {
  const std::string& text = file.text(key);
  Number v{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw FormatError("checkpoint: " + key + " = '" + text + "' is no number");
  }
  return v;
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& c) {
  const Model& m = c.model;
  TensorFile file = m.with_weights(c.state.weights).to_file();
  for (std::size_t p = 0; p < m.parameters().size(); ++p) {
    const ParameterSpec& spec = m.parameters()[p];
    const auto first = c.state.velocity.begin() + m.layout().offset(static_cast<int>(p));
    file.tensors.push_back(
        {kMomentum + spec.name, spec.shape, {first, first + spec.shape.elements()}});
  }
  const auto real = [](double v) {
    char text[40];
    return std::string(text, std::to_chars(text, text + sizeof(text), v).ptr);
  };
  file.metadata["checkpoint"] = "1";
  file.metadata["step"] = std::to_string(c.state.step);
  file.metadata["seed"] = std::to_string(c.state.seed);
  file.metadata["schedule.best_error"] = real(c.state.schedule.best_error);
  file.metadata["schedule.waited"] = std::to_string(c.state.schedule.waited);
  file.metadata["schedule.falls"] = std::to_string(c.state.schedule.falls);
  file.metadata["epoch.loss"] = real(c.state.epoch.loss);
  file.metadata["epoch.top1"] = real(c.state.epoch.top1);
  file.metadata["epoch.top5"] = real(c.state.epoch.top5);
  file.metadata["epoch.images"] = std::to_string(c.state.epoch.images);
  file.metadata["options"] = nlohmann::json(c.options).dump();
  save_tensors(path.string(), file);
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  const TensorFile file = load_tensors(path.string());
  if (!file.metadata.contains("checkpoint")) {
    throw FormatError(path.string() + " is a model, but no checkpoint: it cannot be resumed");
  }
  Checkpoint c{Model::from_file(file, path.string()), {}, {}};
  c.state.step = number_of<std::int64_t>(file, "step");
  c.state.seed = number_of<std::uint64_t>(file, "seed");
  c.state.schedule = {number_of<float>(file, "schedule.best_error"),
                      number_of<int>(file, "schedule.waited"),
                      number_of<int>(file, "schedule.falls")};
  c.state.epoch = {number_of<double>(file, "epoch.loss"), number_of<double>(file, "epoch.top1"),
                   number_of<double>(file, "epoch.top5"),
                   number_of<std::int64_t>(file, "epoch.images")};
  const Tensor& w = c.model.weights();
  c.state.weights.assign(w.as<float>(), w.as<float>() + w.elements());
  c.state.velocity.assign(static_cast<std::size_t>(w.elements()), 0.0F);
  for (std::size_t p = 0; p < c.model.parameters().size(); ++p) {
    const NamedTensor& t = file.at(kMomentum + c.model.parameters()[p].name);
    if (t.shape != c.model.parameters()[p].shape) {
      throw FormatError(path.string() + ": " + t.name + " has another shape than its parameter");
    }
    std::ranges::copy(t.elements,
                      c.state.velocity.begin() + c.model.layout().offset(static_cast<int>(p)));
  }
  const nlohmann::json options = nlohmann::json::parse(file.text("options"), nullptr, false);
  if (!options.is_object()) throw FormatError(path.string() + ": its options are no object");
  for (const auto& [key, value] : options.items()) {
    if (value.is_string()) c.options[key] = value.get<std::string>();
  }
  return c;
}

std::string checkpoint_name(std::int64_t step) {
  char name[48];
  std::snprintf(name, sizeof(name), "step-%09lld.safetensors", static_cast<long long>(step));
  return name;
}

void prune_checkpoints(const std::filesystem::path& folder, int keep) {
  const auto files = numbered(folder);
  std::error_code none;  // a file that cannot be removed does no harm
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < files.size(); ++i) {
    std::filesystem::remove(files[i], none);
  }
  for (const auto& file : half_written(folder)) std::filesystem::remove(file, none);
}

Checkpoint newest_checkpoint(const std::filesystem::path& folder) {
  auto files = numbered(folder);
  std::string damaged;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    try {
      return load_checkpoint(*file);
    } catch (const FormatError& e) {
      damaged += std::string("; ") + e.what();
    }
  }
  throw InvalidArgument(folder.string() + " holds no checkpoint that can be resumed" + damaged +
                        "; start the run anew");
}

}  // namespace fovea
