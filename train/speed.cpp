#include <fovea/core/philox.h>
#include <fovea/data/array_dataset.h>
#include <fovea/data/subset.h>
#include <fovea/train/clock.h>
#include <fovea/train/speed.h>

#include <algorithm>
#include <numeric>

namespace fovea {
namespace {

// Pixels as 0 .. 1, whatever the recipe wants measured: sums stay small.
Model untrained(const Recipe& recipe, int classes, std::uint64_t seed) {
  Preprocessing p = Preprocessing::none(recipe.input);
  p.scale.assign(p.scale.size(), 1.0F / 255.0F);
  std::vector<std::string> names;
  for (int i = 0; i < classes; ++i) names.push_back(std::to_string(i));
  return Model(recipe, names, p, seed);
}

}  // namespace

TrainingSpeed measure_training_speed(const Recipe& recipe, int classes, const Dataset& data,
                                     const TrainerOptions& options, double seconds) {
  Model model = untrained(recipe, classes, options.seed);
  TrainerOptions o{.seed = options.seed,
                   .device = options.device,
                   .math = options.math,
                   .policy = options.policy,
                   .loaders = options.loaders,
                   .registry = options.registry};
  o.learning_rate = 1e-30F;  // a recipe has none of 0
  o.epochs = 1 << 20;        // more than there is time for
  Trainer trainer(model, data, o);
  trainer.on_step([](const Progress&) { return false; });
  trainer.run();  // the first step prepares and, on a GPU, captures

  TrainingSpeed speed;
  std::int64_t images = 0;
  const auto begin = Clock::now();
  const std::int64_t batch = recipe.train.batch, last = (data.size() + batch - 1) / batch;
  trainer.on_step([&](const Progress& p) {
    ++speed.steps;
    images += p.step % last == 0 ? data.size() - (last - 1) * batch : batch;
    return seconds_since(begin) < seconds;
  });
  trainer.run();
  speed.images_per_second = static_cast<double>(images) / seconds_since(begin);

  std::vector<std::uint32_t> some(static_cast<std::size_t>(std::min(images, data.size())));
  std::iota(some.begin(), some.end(), 0U);
  // Subset shares its data set; this one is the caller's.
  const std::shared_ptr<const Dataset> shared(std::shared_ptr<const Dataset>(), &data);
  const Subset part(shared, std::move(some));
  const auto judging = Clock::now();
  static_cast<void>(trainer.evaluate(part));
  speed.judged_images_per_second = static_cast<double>(part.size()) / seconds_since(judging);
  return speed;
}

std::shared_ptr<const Dataset> made_up_pictures(const Recipe& recipe, int classes, int count) {
  const ImageSize size{recipe.stored_height(), recipe.stored_width(), recipe.input.channels};
  const auto image = static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width) *
                     static_cast<std::size_t>(size.channels);
  std::vector<std::uint8_t> pixels(image * static_cast<std::size_t>(count));
  const Philox bits{1, 0};
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::uint8_t>(bits(i / 16)[i / 4 % 4] >> (i % 4 * 8));
  }
  std::vector<std::int32_t> labels(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(classes));
  }
  return std::make_shared<ArrayDataset>(size, std::move(pixels), std::move(labels), classes);
}

}  // namespace fovea
