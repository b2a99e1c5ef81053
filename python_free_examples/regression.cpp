// regression.cpp - a net that says a number: by how many degrees is this garment turned?
//
//   regression [FOLDER of Fashion-MNIST] [PICTURES] [EPOCHS]
//
// Every picture is turned by a seeded angle within 45 degrees; a convolutional net with the mean
// squared error learns to tell it. Always saying 0 is wrong by 22.5 degrees on average.
//
// Ends with:
//   always saying 0: mean absolute error 22.# degrees
//   the net:         mean absolute error # degrees on 2000 held-out pictures
//   within 8 degrees: yes
#include <fovea/fovea.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numbers>

namespace {

constexpr int kSide = 28;
constexpr float kLargest = 45.0F;  // degrees

// Bilinear; what lies outside is 0, as the garments' background.
std::vector<std::uint8_t> turned(const fovea::ImageView& image, double degrees) {
  const double radians = degrees * std::numbers::pi / 180;
  const double c = std::cos(radians), s = std::sin(radians), middle = (kSide - 1) / 2.0;
  const auto pixel = [&](int y, int x) {
    const bool inside = y >= 0 && x >= 0 && y < kSide && x < kSide;
    return inside ? static_cast<double>(image.pixels[y * image.row_bytes + x]) : 0.0;
  };
  std::vector<std::uint8_t> out(kSide * kSide);
  for (int i = 0; i < kSide; ++i) {
    for (int j = 0; j < kSide; ++j) {
      const double y = middle + c * (i - middle) + s * (j - middle);
      const double x = middle - s * (i - middle) + c * (j - middle);
      const int y0 = static_cast<int>(std::floor(y)), x0 = static_cast<int>(std::floor(x));
      const double dy = y - y0, dx = x - x0;
      const double v = (1 - dy) * ((1 - dx) * pixel(y0, x0) + dx * pixel(y0, x0 + 1)) +
                       dy * ((1 - dx) * pixel(y0 + 1, x0) + dx * pixel(y0 + 1, x0 + 1));
      out[static_cast<std::size_t>(i * kSide + j)] = static_cast<std::uint8_t>(std::lround(v));
    }
  }
  return out;
}

// The first `count` pictures, turned; targets are angles as a share of kLargest.
fovea::MemoryDataset turned_pictures(const fovea::Dataset& from, std::int64_t count,
                                     std::uint64_t seed, double& mean_angle) {
  const fovea::Philox bits{seed, stream_key(fovea::Purpose::rotate, 0, 0)};
  fovea::MemoryDataset data;
  mean_angle = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float share = 2 * fovea::uniform(bits(static_cast<std::uint64_t>(i))[0]) - 1;
    const auto pixels = turned(from.get(i).image, kLargest * share);
    data.add({pixels.data(), kSide, kSide, kSide, fovea::PixelFormat::grey8}, {&share, 1});
    mean_angle += std::abs(kLargest * share) / static_cast<double>(count);
  }
  return data;
}

constexpr const char* kRecipe = R"(
name = "turned garments"
[train]
loss = "mse"
batch = 64
learning_rate = 0.02
[[train.step]]
epoch = 4
factor = 0.2
[[layer]]
type = "conv"
filters = 16
size = 5
pad = 2
init = "he"
[[layer]]
type = "relu"
[[layer]]
type = "maxpool"
size = 2
stride = 2
[[layer]]
type = "conv"
filters = 32
size = 5
init = "he"
[[layer]]
type = "relu"
[[layer]]
type = "maxpool"
size = 2
stride = 2
[[layer]]
type = "linear"
outputs = 64
init = "he"
[[layer]]
type = "relu"
[[layer]]
type = "linear"
)";

}  // namespace

int main(int argc, char** argv) {
  try {
    const fovea::DataSets data =
        fovea::open_data(argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist");
    double mean_angle = 0;
    const auto training =
        turned_pictures(*data.training, argc > 2 ? std::atoll(argv[2]) : 12000, 1, mean_angle);
    const auto held_out = turned_pictures(*data.test, 2000, 2, mean_angle);

    fovea::Recipe recipe = fovea::Recipe::parse(kRecipe, "regression.cpp");
    recipe.train.epochs = argc > 3 ? std::atoi(argv[3]) : 5;
    fovea::Model model(recipe, {"angle"}, fovea::measure_preprocessing(recipe, training), 1);
    fovea::Trainer trainer(model, training, {.device = fovea::Device::cpu()});
    trainer.run();

    const double error = kLargest * trainer.evaluate(held_out).top1_error;
    std::printf("always saying 0: mean absolute error %.1f degrees\n", mean_angle);
    std::printf("the net:         mean absolute error %.1f degrees on 2000 held-out pictures\n",
                error);
    std::printf("within 8 degrees: %s\n", error <= 8 ? "yes" : "no");
    return error <= 8 ? 0 : 1;
  } catch (const fovea::Error& e) {
    std::fprintf(stderr, "regression: %s\n", e.what());
    return 2;
  }
}
