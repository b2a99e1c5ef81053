// idx.h - the IDX format of MNIST and its kin, plain or gzip.
//
// Format (http://yann.lecun.com/exdb/mnist/, "the IDX file format"): two zero bytes, a type (0x08:
// unsigned byte), the number of extents, each extent as a big-endian 32-bit number, the elements in
// C order. Images have extents {count, height, width} or, for colour, {count, height, width, 1|3};
// labels {count}.
#pragma once

#include <fovea/core/api.h>
#include <fovea/data/dataset.h>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace fovea {

struct IdxImages {
  ImageSize size;
  std::vector<std::uint8_t> pixels;  // {count, height, width, channels}
  std::int64_t count = 0;
};

/// Reads an image file whole. Throws InvalidArgument where it cannot be opened, FormatError, with
/// file and byte, where it is anything but a complete IDX image file.
FOVEA_API IdxImages read_idx_images(const std::filesystem::path& path);

/// Reads a label file whole; errors as read_idx_images().
FOVEA_API std::vector<std::int32_t> read_idx_labels(const std::filesystem::path& path);

}  // namespace fovea
