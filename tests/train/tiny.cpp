#include "tiny.h"

#include <fovea/train/statistics.h>
#include <stdlib.h>

#include <fstream>
#include <random>
#include <sstream>
#include <vector>

namespace fovea::test {

Recipe tiny_recipe() {
  return Recipe::parse(R"(
name = "tiny"
[input]
height = 8
width = 8
channels = 1
[train]
batch = 16
epochs = 3
learning_rate = 0.05
momentum = 0.9
[[layer]]
type = "conv"
name = "conv1"
filters = 4
size = 3
pad = 1
init = "he"
[[layer]]
type = "relu"
name = "relu1"
[[layer]]
type = "maxpool"
name = "pool1"
size = 2
stride = 2
[[layer]]
type = "linear"
name = "fc2"
outputs = 16
init = "he"
[[layer]]
type = "relu"
name = "relu2"
[[layer]]
type = "dropout"
name = "drop2"
probability = 0.25
[[layer]]
type = "linear"
name = "fc3"
init = "he"
)",
                       "tiny");
}

MemoryDataset tiny_pictures(int count, unsigned seed) {
  std::mt19937 bits(seed);
  MemoryDataset data;
  data.set_classes(3);
  for (int i = 0; i < count; ++i) {
    std::vector<std::uint8_t> pixels(64);
    for (auto& p : pixels) p = static_cast<std::uint8_t>(bits() % 120);
    const int label = static_cast<int>(bits() % 3);
    for (int x = 0; x < 8; ++x) pixels[static_cast<std::size_t>((1 + 2 * label) * 8 + x)] = 220;
    data.add({pixels.data(), 8, 8, 8, PixelFormat::grey8}, label);
  }
  return data;
}

Model tiny_model(const Dataset& data, std::uint64_t seed) {
  const Recipe recipe = tiny_recipe();
  return {recipe, {"low", "middle", "high"}, measure_preprocessing(recipe, data), seed};
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "fovea-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_bytes(const std::filesystem::path& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace fovea::test
