#include <fovea/data/loader.h>
#include <fovea/train/statistics.h>

#include <cmath>

namespace fovea {
namespace {

// Sums over all pictures at the stored size.
struct Sums {
  std::vector<std::int64_t> pixel;            // height x width x channels
  std::vector<std::int64_t> channel, square;  // of values and of their squares
  std::int64_t pictures = 0;
};

Sums sum_pictures(const Recipe& r, const Dataset& data) {
  const auto c = static_cast<std::size_t>(r.input.channels);
  const std::size_t values =
      static_cast<std::size_t>(r.stored_height()) * static_cast<std::size_t>(r.stored_width()) * c;
  Sums s{std::vector<std::int64_t>(values), std::vector<std::int64_t>(c),
         std::vector<std::int64_t>(c), 0};
  Loader loader(data,
                {.image_size = ImageSize{r.stored_height(), r.stored_width(), r.input.channels},
                 .shuffle = false,
                 .end_epoch = 1});
  while (const Batch* batch = loader.next()) {
    for (int i = 0; i < batch->valid; ++i) {
      const std::uint8_t* picture = batch->images.data() + static_cast<std::size_t>(i) * values;
      for (std::size_t k = 0; k < values; ++k) {
        const std::int64_t v = picture[k];
        s.pixel[k] += v;
        s.square[k % c] += v * v;
      }
    }
    s.pictures += batch->valid;
  }
  for (std::size_t k = 0; k < values; ++k) s.channel[k % c] += s.pixel[k];
  return s;
}

// The centre of the mean picture, as large as the net sees; padding around it is not a picture.
std::vector<float> mean_picture(const Recipe& r, const Sums& s) {
  const InputRecipe& in = r.input;
  std::vector<float> mean;
  const int top = (r.stored_height() - in.height) / 2;
  const int left = (r.stored_width() - in.width) / 2;
  for (int i = 0; i < in.height; ++i) {
    for (int j = 0; j < in.width; ++j) {
      for (int c = 0; c < in.channels; ++c) {
        const auto at =
            static_cast<std::size_t>(((i + top) * r.stored_width() + j + left) * in.channels + c);
        mean.push_back(
            static_cast<float>(static_cast<double>(s.pixel[at]) / static_cast<double>(s.pictures)));
      }
    }
  }
  return mean;
}

}  // namespace

Preprocessing measure_preprocessing(const Recipe& recipe, const Dataset& training) {
  Preprocessing p = Preprocessing::none(recipe.input);
  if (recipe.input.scale == "255") p.scale.assign(p.scale.size(), 1.0F / 255.0F);
  if (recipe.input.mean == "none" && recipe.input.scale != "deviation") return p;
  const Sums s = sum_pictures(recipe, training);
  const double cells =
      static_cast<double>(s.pictures) * recipe.stored_height() * recipe.stored_width();
  for (std::size_t c = 0; c < p.scale.size(); ++c) {
    const double mean = static_cast<double>(s.channel[c]) / cells;
    const double variance = static_cast<double>(s.square[c]) / cells - mean * mean;
    if (recipe.input.mean == "channel") p.mean[c] = static_cast<float>(mean);
    if (recipe.input.scale == "deviation") {  // a channel without variation stays as it is
      p.scale[c] = variance > 0 ? static_cast<float>(1.0 / std::sqrt(variance)) : 1.0F;
    }
  }
  if (recipe.input.mean == "pixel") p.mean = mean_picture(recipe, s);
  return p;
}

}  // namespace fovea
