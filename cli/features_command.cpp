// features_command.cpp - `fovea features`: any layer's output for each picture, as safetensors.
#include <fovea/cli/context.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/data/array_dataset.h>
#include <fovea/data/subset.h>
#include <fovea/train/features.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace fovea::cli {
namespace {

// The tensor `x` of a file: whole numbers 0 .. 255, {pictures, height, width, channels}.
std::shared_ptr<const Dataset> load_pictures(const std::string& path, const Model& model) {
  const TensorFile file = load_tensors(path);
  const NamedTensor& x = file.at("x");
  const Shape& s = x.shape;
  if (s.rank() != 4 || (s[3] != 1 && s[3] != 3)) {
    throw InvalidArgument(path + ": x is " + to_string(s) +
                          "; pictures are {pictures, height, width, 1 or 3}");
  }
  std::vector<std::uint8_t> pixels;
  pixels.reserve(x.elements.size());
  for (const float v : x.elements) {
    if (!(v >= 0 && v <= 255) || v != std::floor(v)) {
      throw InvalidArgument(path + ": x holds values that are no whole numbers from 0 to 255");
    }
    pixels.push_back(static_cast<std::uint8_t>(v));
  }
  return std::make_shared<ArrayDataset>(
      ImageSize{static_cast<int>(s[1]), static_cast<int>(s[2]), static_cast<int>(s[3])},
      std::move(pixels), std::vector<std::int32_t>(static_cast<std::size_t>(s[0])),
      model.outputs());
}

NamedTensor labels_of(const Dataset& data) {
  NamedTensor labels{"labels", {data.size()}, {}};
  for (std::int64_t i = 0; i < data.size(); ++i) {
    labels.elements.push_back(static_cast<float>(data.label(i)));
  }
  return labels;
}

}  // namespace

int run_features(const CommandContext& c, const FeaturesCommand& o) {
  const Model model = Model::load(o.run);
  if (o.layers.size() == 1 && o.layers.front() == "list") {
    const std::vector<std::string> names = feature_names(model);
    if (write_json(c, nlohmann::json(names).dump())) return 0;
    for (const std::string& name : names) c.print(name);
    return 0;
  }
  if (o.data.empty() == o.load.empty()) {
    throw InvalidArgument("say which pictures: --data FOLDER or --load FILE.safetensors");
  }
  if (o.to.empty()) throw InvalidArgument("say where to write: --to OUT.safetensors");
  std::shared_ptr<const Dataset> part;
  if (!o.load.empty()) {
    part = load_pictures(o.load, model);
    if (o.limit > 0) part = limited(part, o.limit, c.common.seed);
  } else {
    const DataSets data = open_for(c, model, o.run, o.data, "");
    part = part_of(data, o.split.empty() ? default_split(data) : o.split, o.limit, c.common.seed);
  }
  const Device device = Device::parse(c.common.device);
  TensorFile file;
  file.tensors = extract_features(model, *part, o.layers,
                                  {.device = device,
                                   .math = c.common.math_mode(),
                                   .policy = c.common.policy(device),
                                   .loaders = c.common.loaders,
                                   .registry = &c.registry});
  Table table({"layer", "shape"}, 2);
  nlohmann::ordered_json json = {{"file", o.to}, {"layers", nlohmann::ordered_json::array()}};
  for (const NamedTensor& t : file.tensors) {
    table.add({t.name, to_string(t.shape)});
    std::vector<std::int64_t> extents;
    for (int i = 0; i < t.shape.rank(); ++i) extents.push_back(t.shape[i]);
    json["layers"].push_back({{"layer", t.name}, {"shape", extents}});
  }
  if (!o.data.empty()) file.tensors.push_back(labels_of(*part));
  save_tensors(o.to, file);
  if (write_json(c, json.dump(1))) return 0;
  std::fputs(table.text().c_str(), stdout);
  c.print(o.to);
  return 0;
}

}  // namespace fovea::cli
