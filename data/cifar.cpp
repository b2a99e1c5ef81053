// cifar.cpp
#include <fovea/core/error.h>
#include <fovea/data/cifar.h>
#include <fovea/data/file.h>

#include <string>

namespace fovea {
namespace {

constexpr std::size_t kPlane = 32 * 32;
constexpr std::size_t kRecord = 1 + 3 * kPlane;
constexpr std::size_t kCifar100Record = kRecord + 1;  // two labels a picture

void check_length(const std::string& file, std::size_t bytes) {
  if (bytes == 0) throw FormatError(file + ": empty; get it again");
  if (bytes % kRecord == 0) return;
  if (bytes % kCifar100Record == 0) {
    throw FormatError(file + ": " + std::to_string(bytes) +
                      " bytes are records of 3074 as CIFAR-100 has them; give CIFAR-10's");
  }
  throw FormatError(file + ": " + std::to_string(bytes) + " bytes are " +
                    std::to_string(bytes / kRecord) + " records of 3073 and " +
                    std::to_string(bytes % kRecord) + " bytes more; it is cut off, get it again");
}

}  // namespace

void append_cifar_batch(const std::filesystem::path& path, int classes, CifarImages& images) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  check_length(path.string(), bytes.size());
  const std::size_t count = bytes.size() / kRecord;
  const std::size_t first = images.pixels.size();
  images.pixels.resize(first + count * 3 * kPlane);
  std::uint8_t* to = images.pixels.data() + first;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* record = bytes.data() + i * kRecord;
    if (record[0] >= classes) {
      throw FormatError(path.string() + ": record " + std::to_string(i) + ": label " +
                        std::to_string(record[0]) + " is outside 0.." +
                        std::to_string(classes - 1) + "; this is no CIFAR-10 batch, or damaged");
    }
    images.labels.push_back(record[0]);
    const std::uint8_t* planes = record + 1;
    for (std::size_t p = 0; p < kPlane; ++p) {
      for (std::size_t channel = 0; channel < 3; ++channel) *to++ = planes[channel * kPlane + p];
    }
  }
}

}  // namespace fovea
