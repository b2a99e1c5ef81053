// speed.h - how fast a net trains here, by trying it for a moment.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>
#include <fovea/train/trainer.h>

#include <cstdint>

namespace fovea {

struct TrainingSpeed {
  std::int64_t steps = 0;               // timed, after one to warm up
  double images_per_second = 0;         // of training steps, with reading the pictures
  double judged_images_per_second = 0;  // of evaluation
};

/// Trains a net of its own, at a learning rate that moves nothing, for about `seconds` and at least
/// one step, and judges as many pictures. Only device, math, policy, loaders, registry and seed of
/// `options` count. Throws what Trainer does.
FOVEA_API TrainingSpeed measure_training_speed(const Recipe& recipe, int classes,
                                               const Dataset& data, const TrainerOptions& options,
                                               double seconds);

/// Made-up pictures for a recipe, with labels of all classes in turn: for a speed without data.
FOVEA_API std::shared_ptr<const Dataset> made_up_pictures(const Recipe& recipe, int classes,
                                                          int count);

}  // namespace fovea
