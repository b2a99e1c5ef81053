// main.cpp - the smallest program with fovea in it: a net learns which half of a picture is bright.
//
// Ends with:
//   a dark and a bright half: right 40 times of 40
#include <fovea/fovea.h>

#include <cstdio>

namespace {

// 8x8 pictures, the left (0) or the right (1) half bright.
fovea::MemoryDataset halves(int count, std::uint64_t seed) {
  const fovea::Philox bits{seed, 0};
  fovea::MemoryDataset data;
  for (int i = 0; i < count; ++i) {
    std::vector<std::uint8_t> pixels;
    for (int p = 0; p < 64; ++p) {
      const bool bright = (p % 8 >= 4) == (i % 2 == 1);
      const auto noise = bits(static_cast<std::uint64_t>(i * 64 + p))[0] % 100;
      pixels.push_back(static_cast<std::uint8_t>(noise + (bright ? 130 : 0)));
    }
    data.add({pixels.data(), 8, 8, 8, fovea::PixelFormat::grey8}, i % 2);
  }
  return data;
}

}  // namespace

int main() {
  fovea::Recipe recipe = fovea::Recipe::parse(R"(
name = "halves"
[input]
height = 8
width = 8
[train]
epochs = 5
batch = 20
[[layer]]
type = "conv"
filters = 4
size = 3
init = "he"
[[layer]]
type = "relu"
[[layer]]
type = "linear"
)",
                                              "main.cpp");
  const fovea::MemoryDataset data = halves(200, 1), fresh = halves(40, 2);
  fovea::Model model(recipe, {"left", "right"}, fovea::measure_preprocessing(recipe, data), 1);
  fovea::Trainer(model, data, {.device = fovea::Device::cpu()}).run();
  fovea::Predictor predict(model, {.device = fovea::Device::cpu()});
  int right = 0;
  for (std::int64_t i = 0; i < fresh.size(); ++i) {
    right += predict(fresh.get(i).image).best() == fresh.label(i);
  }
  std::printf("a dark and a bright half: right %d times of 40\n", right);
  return right == 40 ? 0 : 1;
}
