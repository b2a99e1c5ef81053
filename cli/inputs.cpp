#include <fovea/cli/inputs.h>
#include <fovea/core/error.h>
#include <fovea/data/subset.h>
#include <fovea/layers/engine_lists.h>
#include <fovea/train/run.h>
#include <fovea/train/safetensors.h>

namespace fovea::cli {

DataSets open_for(const CommandContext& c, const Model& model, const std::string& run,
                  const std::string& data, const std::string& labels) {
  if (data.empty()) throw InvalidArgument("say where the pictures are: --data FOLDER");
  const Device device = Device::parse(c.common.device);
  require_known(c.common.lists(device), c.registry, device, model.recipe());
  OpenOptions o = opened_by_run(run);
  o.shorter_side = model.recipe().input.resize;
  o.threads = c.common.loaders;
  o.limit = 0;  // a limit is for training; whoever looks at the part gets all of it
  if (!labels.empty()) o.labels = labels;
  return open_data(data, o);
}

std::string default_split(const DataSets& data) {
  return data.test ? "test" : data.validation ? "val" : "train";
}

std::shared_ptr<const Dataset> part_of(const DataSets& data, const std::string& split,
                                       std::int64_t limit, std::uint64_t seed) {
  std::shared_ptr<const Dataset> part;
  if (split == "train") part = data.training;
  if (split == "val") part = data.validation;
  if (split == "test") part = data.test;
  if (!part) {
    std::string there = "train";
    if (data.validation) there += ", val";
    if (data.test) there += ", test";
    throw InvalidArgument(data.path.string() + " has no part '" + split + "'; it has " + there +
                          " (--split)");
  }
  return limit > 0 ? limited(part, limit, seed) : part;
}

void note_other_names(const CommandContext& c, const Model& model, const DataSets& data) {
  if (data.class_names == model.class_names()) return;
  c.progress("fovea: " + data.path.string() +
             " calls its classes otherwise than the model; labels are compared by number");
}

int assumed_classes(const Recipe& recipe) { return recipe.input.height >= 200 ? 1000 : 10; }

bool write_json(const CommandContext& c, const std::string& json) {
  if (c.common.json.empty()) return false;
  if (c.common.json == "-") {
    c.print(json);
    return true;
  }
  write_file_atomically(c.common.json, json + "\n");
  return false;
}

}  // namespace fovea::cli
