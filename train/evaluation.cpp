#include <fovea/core/thread_pool.h>
#include <fovea/data/loader.h>
#include <fovea/kernels/registry/registry.h>
#include <fovea/train/evaluation.h>
#include <fovea/train/fit.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace fovea {
namespace {

constexpr std::array kViews = {View::centre, View::top_left, View::top_right, View::bottom_left,
                               View::bottom_right};

// Adds the softmax of a row of scores, times `share`, to `sum`.
void add_softmax(std::span<const float> scores, double share, std::span<double> sum) {
  const double top = *std::ranges::max_element(scores);
  double total = 0;
  for (const float s : scores) total += std::exp(static_cast<double>(s) - top);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    sum[i] += share * std::exp(static_cast<double>(scores[i]) - top) / total;
  }
}

class Evaluator {
 public:
  Evaluator(const Model& model, const EvaluationOptions& o)
      : outputs_{static_cast<std::size_t>(model.outputs())},
        mse_{model.recipe().train.loss == "mse"},
        scores_{mse_ ? "probabilities" : "logits"},  // the former are the outputs, for mse
        batch_{o.batch > 0 ? o.batch : model.recipe().train.batch},
        executor_(model.recipe(), model.outputs(), model.preprocessing(),
                  o.registry != nullptr ? *o.registry : default_registry(),
                  {.device = o.device, .math = o.math, .policy = o.policy, .memory = o.memory}) {
    if (o.views != 1 && o.views != 10) {
      throw InvalidArgument("evaluation: " + std::to_string(o.views) +
                            " views; there are 1 (the centre) and 10 (corners, centre, mirrored)");
    }
    for (int v = 0; v < o.views; ++v) {
      plans_.push_back(executor_.add_prediction(
          batch_, {scores_}, kViews[static_cast<std::size_t>(v) % kViews.size()], v >= 5));
    }
    executor_.allocate();
    executor_.set_weights(
        {model.weights().as<float>(), static_cast<std::size_t>(model.weights().elements())});
    row_scores_.resize(static_cast<std::size_t>(batch_) * outputs_);
    mean_.resize(row_scores_.size());
    result_.classes = mse_ ? 0 : model.outputs();
    result_.confusion.assign(mse_ ? 0 : outputs_ * outputs_, 0);
  }

  int batch() const { return batch_; }

  void judge(const Batch& batch) {
    std::ranges::fill(mean_, 0.0);
    for (const Executor::PlanId plan : plans_) {
      StepState state;
      state.valid = batch.valid;
      executor_.enqueue(plan, {.images = batch.images, .labels = {}, .targets = {}}, state);
      executor_.read(plan, scores_, row_scores_);
      add_view(batch.valid);
    }
    for (int i = 0; i < batch.valid; ++i) {
      const auto row = static_cast<std::size_t>(i);
      const std::span<const double> mean = std::span(mean_).subspan(row * outputs_, outputs_);
      if (mse_) {
        add_targets(mean, batch.targets.subspan(row * outputs_, outputs_));
      } else {
        add_label(mean, static_cast<std::size_t>(batch.labels[row]));
      }
    }
    result_.score.images += batch.valid;
  }

  Evaluation result() {
    const auto n = static_cast<double>(std::max<std::int64_t>(result_.score.images, 1));
    result_.score.loss = loss_ / n;
    result_.score.top1_error = top1_ / n / (mse_ ? static_cast<double>(outputs_) : 1.0);
    result_.score.top5_error = top5_ / n;
    return std::move(result_);
  }

 private:
  void add_view(int valid) {
    const double share = 1.0 / static_cast<double>(plans_.size());
    for (std::size_t i = 0; i < static_cast<std::size_t>(valid); ++i) {
      const auto scores = std::span<const float>(row_scores_).subspan(i * outputs_, outputs_);
      const auto mean = std::span(mean_).subspan(i * outputs_, outputs_);
      if (mse_) {
        for (std::size_t k = 0; k < outputs_; ++k) mean[k] += share * scores[k];
      } else {
        add_softmax(scores, share, mean);
      }
    }
  }

  void add_label(std::span<const double> p, std::size_t label) {
    // A probability that underflowed still has a finite loss.
    loss_ -= std::log(std::max(p[label], std::numeric_limits<double>::min()));
    int rank = 0;
    for (std::size_t k = 0; k < p.size(); ++k) {
      rank += p[k] > p[label] || (k < label && p[k] == p[label]);
    }
    top1_ += rank > 0;
    top5_ += rank >= 5;
    const auto predicted = static_cast<std::size_t>(std::ranges::max_element(p) - p.begin());
    ++result_.confusion[label * outputs_ + predicted];
  }

  void add_targets(std::span<const double> y, std::span<const float> target) {
    for (std::size_t k = 0; k < y.size(); ++k) {
      const double d = y[k] - static_cast<double>(target[k]);
      loss_ += 0.5 * d * d;
      top1_ += std::abs(d);
    }
  }

  std::size_t outputs_;
  bool mse_;
  std::string scores_;
  int batch_;
  Executor executor_;
  std::vector<Executor::PlanId> plans_;
  std::vector<float> row_scores_;  // of one view: batch x outputs
  std::vector<double> mean_;       // over the views
  double loss_ = 0, top1_ = 0, top5_ = 0;
  Evaluation result_;
};

}  // namespace

std::int64_t Evaluation::count(int actual, int predicted) const {
  if (actual < 0 || actual >= classes || predicted < 0 || predicted >= classes) {
    throw InvalidArgument("evaluation: no pair " + std::to_string(actual) + ", " +
                          std::to_string(predicted) + " among " + std::to_string(classes) +
                          " classes");
  }
  return confusion[static_cast<std::size_t>(actual) * static_cast<std::size_t>(classes) +
                   static_cast<std::size_t>(predicted)];
}

std::vector<ConfusedPair> Evaluation::worst_pairs(std::size_t limit) const {
  std::vector<ConfusedPair> pairs;
  for (int a = 0; a < classes; ++a) {
    for (int p = 0; p < classes; ++p) {
      if (a != p && count(a, p) > 0) pairs.push_back({a, p, count(a, p)});
    }
  }
  std::ranges::stable_sort(pairs, std::ranges::greater{}, &ConfusedPair::count);
  pairs.resize(std::min(pairs.size(), limit));
  return pairs;
}

Evaluation evaluate(const Model& model, const Dataset& data, const EvaluationOptions& options) {
  require_fit(model, data);
  Evaluator evaluator(model, options);
  const Recipe& recipe = model.recipe();
  const int loaders = options.loaders > 0 ? options.loaders : available_threads();
  Loader loader(data, {.batch = evaluator.batch(),
                       .image_size = ImageSize{recipe.stored_height(), recipe.stored_width(),
                                               recipe.input.channels},
                       .shuffle = false,
                       .threads = data.image_size() ? 1 : loaders,
                       .end_epoch = 1});
  while (const Batch* batch = loader.next()) evaluator.judge(*batch);
  return evaluator.result();
}

}  // namespace fovea
