#include <fovea/core/error.h>
#include <fovea/data/resize.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/train/predictor.h>

#include <algorithm>
#include <numeric>

namespace fovea {

int Prediction::best() const {
  return static_cast<int>(std::ranges::max_element(probabilities_) - probabilities_.begin());
}

std::vector<std::pair<std::string, float>> Prediction::top(int k) const {
  if (k < 1)
    throw InvalidArgument("prediction: top(" + std::to_string(k) + "); ask for at least 1");
  std::vector<std::size_t> order(probabilities_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return probabilities_[a] > probabilities_[b]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(k)));
  std::vector<std::pair<std::string, float>> best;
  for (const std::size_t i : order) best.emplace_back((*labels_)[i], probabilities_[i]);
  return best;
}

struct Predictor::Impl {
  // A plan for so many pictures, and what it reads and writes on the host.
  struct Sized {
    int batch = 0;
    Executor::PlanId plan{};
    std::vector<std::uint8_t> pixels;  // {batch, stored height, stored width, channels}
    std::vector<float> probabilities;  // {batch, outputs}
  };

  Model model;  // shares the weights
  std::shared_ptr<const std::vector<std::string>> labels;
  Executor executor;
  std::vector<Sized> plans;  // one picture; max_batch, where that is more
  Resizer resizer;
  const std::string result = "probabilities";

  Impl(const Model& m, const PredictorOptions& o)
      : model{m},
        labels{std::make_shared<const std::vector<std::string>>(m.class_names())},
        executor(m.recipe(), m.outputs(), m.preprocessing(),
                 o.registry != nullptr ? *o.registry : default_registry(),
                 {.device = o.device, .math = o.math, .policy = o.policy, .memory = o.memory}) {
    if (o.max_batch < 1) {
      throw InvalidArgument("predictor: max_batch " + std::to_string(o.max_batch) +
                            "; give at least 1");
    }
    add_plan(1);
    if (o.max_batch > 1) add_plan(o.max_batch);
    const Tensor& weights = model.weights();
    if (o.device.kind() == DeviceKind::cpu) {
      executor.allocate(weights);
    } else {
      executor.allocate();
      executor.set_weights({weights.as<float>(), static_cast<std::size_t>(weights.elements())});
    }
  }

  std::size_t picture_bytes() const {
    const Recipe& r = model.recipe();
    return static_cast<std::size_t>(r.stored_height()) *
           static_cast<std::size_t>(r.stored_width()) * static_cast<std::size_t>(r.input.channels);
  }

  void add_plan(int batch) {
    const auto n = static_cast<std::size_t>(batch);
    plans.push_back({batch, executor.add_prediction(batch),
                     std::vector<std::uint8_t>(n * picture_bytes()),
                     std::vector<float>(n * static_cast<std::size_t>(model.outputs()))});
  }

  /// Fills the probabilities of `sized` for at most its batch of pictures.
  void compute(Sized& sized, std::span<const ImageView> images) {
    const Recipe& r = model.recipe();
    for (std::size_t i = 0; i < images.size(); ++i) {
      resizer.cover(images[i], r.stored_height(), r.stored_width(), r.input.channels,
                    sized.pixels.data() + i * picture_bytes());
    }
    StepState state;
    state.valid = static_cast<std::int32_t>(images.size());
    executor.enqueue(sized.plan, {.images = sized.pixels, .labels = {}, .targets = {}}, state);
    executor.read(sized.plan, result, sized.probabilities);
  }

  Prediction row(const Sized& sized, std::size_t i) const {
    const auto outputs = static_cast<std::ptrdiff_t>(model.outputs());
    const auto first = sized.probabilities.cbegin() + static_cast<std::ptrdiff_t>(i) * outputs;
    return {std::vector<float>(first, first + outputs), labels};
  }
};

Predictor::Predictor(const Model& model, const PredictorOptions& options)
    : impl_{std::make_unique<Impl>(model, options)} {}
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;
Predictor::~Predictor() = default;

Prediction Predictor::operator()(const ImageView& image) {
  impl_->compute(impl_->plans.front(), {&image, 1});
  return impl_->row(impl_->plans.front(), 0);
}

std::vector<Prediction> Predictor::operator()(std::span<const ImageView> images) {
  std::vector<Prediction> all;
  all.reserve(images.size());
  const auto batch = static_cast<std::size_t>(impl_->plans.back().batch);
  for (std::size_t first = 0; first < images.size(); first += batch) {
    const auto part = images.subspan(first, std::min(batch, images.size() - first));
    Impl::Sized& sized = part.size() == 1 ? impl_->plans.front() : impl_->plans.back();
    impl_->compute(sized, part);
    for (std::size_t i = 0; i < part.size(); ++i) all.push_back(impl_->row(sized, i));
  }
  return all;
}

}  // namespace fovea
