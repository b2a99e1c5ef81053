#include <fovea/core/thread_pool.h>
#include <fovea/train/statistics.h>

namespace fovea {

bool is_measured(const InputRecipe& in) { return in.mean != "none" || in.scale == "deviation"; }

Preprocessing measure_preprocessing(
    const Recipe& recipe, const Dataset& training,
    const std::function<void(std::int64_t done, std::int64_t total)>& progress) {
  const InputRecipe& in = recipe.input;
  Preprocessing p = Preprocessing::none(in);
  if (in.scale == "255") p.scale.assign(p.scale.size(), 1.0F / 255.0F);
  if (!is_measured(in)) return p;
  const Statistics s = *measure_statistics(
      training,
      {.image_size = ImageSize{recipe.stored_height(), recipe.stored_width(), in.channels},
       .threads = available_threads()},
      [&](std::int64_t done, std::int64_t total) {
        if (progress) progress(done, total);
        return true;
      });
  for (std::size_t c = 0; c < p.scale.size(); ++c) {
    if (in.mean == "channel") p.mean[c] = static_cast<float>(s.mean[c]);
    if (in.scale == "deviation") {  // a channel without variation stays as it is
      p.scale[c] = s.deviation[c] > 0 ? static_cast<float>(1.0 / s.deviation[c]) : 1.0F;
    }
  }
  if (in.mean == "pixel") p.mean = s.centre_mean(in.height, in.width);
  return p;
}

}  // namespace fovea
