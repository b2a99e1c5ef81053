// predictor.h - labels for pictures: a model made ready on a device.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/image.h>
#include <fovea/train/executor.h>
#include <fovea/train/model.h>

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

struct PredictorOptions {
  Device device = Device::best();
  int max_batch = 1;  // pictures computed at once; more are taken in several goes
  Math math = Math::fp32;
  Policy policy = {};                  // empty: Policy::defaults(device, math)
  const Registry* registry = nullptr;  // nullptr: default_registry()
  MemoryResource* memory = nullptr;    // nullptr: the device's default resource
};

/// What a net says of one picture.
class FOVEA_API Prediction {
 public:
  Prediction(std::vector<float> probabilities,
             std::shared_ptr<const std::vector<std::string>> labels)
      : probabilities_{std::move(probabilities)}, labels_{std::move(labels)} {}

  /// One a class, in the model's order; of a model with loss mse its outputs.
  const std::vector<float>& probabilities() const { return probabilities_; }
  const std::vector<std::string>& labels() const { return *labels_; }
  /// The index of the largest probability, the first of equal ones.
  int best() const;
  /// The `k` most probable labels (all, where there are fewer), the most probable first.
  std::vector<std::pair<std::string, float>> top(int k) const;

 private:
  std::vector<float> probabilities_;
  std::shared_ptr<const std::vector<std::string>> labels_;
};

/// Plans once; afterwards a call allocates nothing but what it returns. Pictures are treated as
/// the model's evaluation treats them: brought to the stored size, centre crop, normalised. One
/// predictor belongs to one thread at a time; any number of them share one model's weights, on the
/// cpu the very bytes.
class FOVEA_API Predictor {
 public:
  /// Throws InvalidArgument for a max_batch below 1, Unsupported where the engines cannot.
  explicit Predictor(const Model& model, const PredictorOptions& options = {});
  Predictor(Predictor&&) noexcept;
  Predictor& operator=(Predictor&&) noexcept;
  ~Predictor();

  /// Any size, row pitch and format. Throws InvalidArgument for a view without pixels.
  Prediction operator()(const ImageView& image);
  /// In the order of `images`.
  std::vector<Prediction> operator()(std::span<const ImageView> images);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea
