#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>
#include <fovea/data/loader.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/train/features.h>

#include <algorithm>

namespace fovea {
namespace {

Shape with_rows(const Shape& s, std::int64_t rows) {
  switch (s.rank()) {
    case 2:
      return {rows, s[1]};
    case 3:
      return {rows, s[1], s[2]};
    default:
      return {rows, s[1], s[2], s[3]};
  }
}

void require_known(const Model& model, const std::vector<std::string>& names) {
  const std::vector<std::string> known = feature_names(model);
  if (names.empty()) throw InvalidArgument("features: name at least one layer");
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    throw InvalidArgument("features: the net has no layer '" + name + "'; the nearest is '" +
                          nearest(name, known) + "'");
  }
}

}  // namespace

std::vector<std::string> feature_names(const Model& model) {
  std::vector<std::string> names;
  const auto net = model.recipe().net(model.outputs());  // outlives the loop over its layers
  for (const auto& layer : net->layers()) names.push_back(layer->name());
  names.emplace_back("logits");
  names.emplace_back("probabilities");
  return names;
}

std::vector<NamedTensor> extract_features(const Model& model, const Dataset& data,
                                          const std::vector<std::string>& names,
                                          const FeatureOptions& o) {
  require_known(model, names);
  const Recipe& recipe = model.recipe();
  const int batch_size = o.batch > 0 ? o.batch : recipe.train.batch;
  Executor executor(recipe, model.outputs(), model.preprocessing(),
                    o.registry != nullptr ? *o.registry : default_registry(),
                    {.device = o.device, .math = o.math, .policy = o.policy, .memory = o.memory});
  const Executor::PlanId plan = executor.add_prediction(batch_size, names);
  executor.allocate();
  executor.set_weights(
      {model.weights().as<float>(), static_cast<std::size_t>(model.weights().elements())});

  std::vector<NamedTensor> features;
  for (const std::string& name : names) {
    const Shape shape = with_rows(executor.plan(plan).tensor(name).shape, data.size());
    features.push_back(
        {name, shape, std::vector<float>(static_cast<std::size_t>(shape.elements()))});
  }
  Loader loader(data, {.batch = batch_size,
                       .image_size = ImageSize{recipe.stored_height(), recipe.stored_width(),
                                               recipe.input.channels},
                       .shuffle = false,
                       .threads = data.image_size() ? 1
                                  : o.loaders > 0   ? o.loaders
                                                    : available_threads(),
                       .end_epoch = 1});
  std::int64_t done = 0;
  while (const Batch* batch = loader.next()) {
    StepState state;
    state.valid = batch->valid;
    executor.enqueue(plan, {.images = batch->images, .labels = {}, .targets = {}}, state);
    for (NamedTensor& f : features) {
      const std::vector<float> values = executor.read(plan, f.name);
      const auto row = static_cast<std::int64_t>(values.size()) / batch_size;
      std::copy_n(values.begin(), row * batch->valid, f.elements.begin() + done * row);
    }
    done += batch->valid;
  }
  return features;
}

}  // namespace fovea
