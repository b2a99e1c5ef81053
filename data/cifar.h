// cifar.h - the binary batches of CIFAR-10.
//
// Format (https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version"): records of 3073 bytes,
// one label byte, then 32 x 32 bytes each of red, green and blue, row by row.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fovea {

inline constexpr ImageSize kCifarSize{32, 32, 3};

struct CifarImages {
  std::vector<std::uint8_t> pixels;  // {count, 32, 32, 3}
  std::vector<std::int32_t> labels;
};

/// Appends the records of one batch file. Throws InvalidArgument where it cannot be opened,
/// FormatError, with file and record, for a length that is no multiple of 3073, no record, or a
/// label of `classes` or more.
FOVEA_API void append_cifar_batch(const std::filesystem::path& path, int classes,
                                  CifarImages& images);

}  // namespace fovea
