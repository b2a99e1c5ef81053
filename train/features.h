// features.h - what a net computes on the way: the output of any layer for each picture.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>
#include <fovea/train/executor.h>
#include <fovea/train/model.h>
#include <fovea/train/safetensors.h>

#include <string>
#include <vector>

namespace fovea {

struct FeatureOptions {
  int batch = 0;  // 0: the recipe's
  Device device = Device::best();
  Math math = Math::fp32;
  Policy policy = {};                  // empty: Policy::defaults(device, math)
  int loaders = 0;                     // threads that make batches ahead; 0: available_threads()
  const Registry* registry = nullptr;  // nullptr: default_registry()
  MemoryResource* memory = nullptr;    // nullptr: the device's default resource
};

/// Names that extract_features() takes: the layers in their order, "logits" (scores before the
/// softmax), "probabilities".
FOVEA_API std::vector<std::string> feature_names(const Model& model);

/// One tensor a name: {pictures, height, width, channels} or {pictures, elements}, in the order of
/// the data set, treated as in evaluation (dropout drops nothing). Throws InvalidArgument for an
/// unknown name, naming the nearest.
FOVEA_API std::vector<NamedTensor> extract_features(const Model& model, const Dataset& data,
                                                    const std::vector<std::string>& names,
                                                    const FeatureOptions& options = {});

}  // namespace fovea
