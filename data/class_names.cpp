// class_names.cpp
#include <fovea/core/error.h>
#include <fovea/data/class_names.h>
#include <fovea/data/file.h>

#include <algorithm>
#include <array>
#include <map>

namespace fovea {
namespace {

using FirstLabels = std::array<std::int32_t, 16>;

// The first labels of train-labels-idx1-ubyte: Debian's dataset-fashion-mnist 0.0~git20200523, and
// http://yann.lecun.com/exdb/mnist/.
constexpr FirstLabels kFashion = {9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9, 5, 5, 7, 9};
constexpr FirstLabels kMnist = {5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 5, 3, 6, 1, 7};
constexpr std::size_t kTrainingImages = 60000;

}  // namespace

KnownSet recognise(std::span<const std::int32_t> labels) {
  if (labels.size() != kTrainingImages) return {};
  if (std::ranges::equal(labels.first(kFashion.size()), kFashion)) {
    return {"Fashion-MNIST",
            {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
             "Bag", "Ankle boot"}};
  }
  if (std::ranges::equal(labels.first(kMnist.size()), kMnist)) return {"MNIST", numbered_names(10)};
  return {};
}

KnownSet cifar10() {
  return {
      "CIFAR-10",
      {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}};
}

std::vector<std::string> read_class_names(const std::filesystem::path& path) {
  std::vector<std::string> names = read_lines(path);
  // Editors of Windows put a byte order mark in front of UTF-8.
  if (!names.empty() && names.front().starts_with("\xEF\xBB\xBF")) names.front().erase(0, 3);
  if (names.empty()) {
    throw FormatError(path.string() + ": no class names in it; write one a line");
  }
  std::map<std::string, std::size_t> line_of;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string at = path.string() + ": line " + std::to_string(i + 1) + ": ";
    if (names[i].empty()) throw FormatError(at + "empty; write one class name a line");
    const auto [seen, inserted] = line_of.emplace(names[i], i + 1);
    if (!inserted) {
      throw FormatError(at + "'" + names[i] + "' stands in line " + std::to_string(seen->second) +
                        " already; give each class a name of its own");
    }
  }
  return names;
}

std::vector<std::string> numbered_names(int classes) {
  std::vector<std::string> names;
  for (int i = 0; i < classes; ++i) names.push_back(std::to_string(i));
  return names;
}

}  // namespace fovea
