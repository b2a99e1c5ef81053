// idx.cpp
#include <fovea/core/error.h>
#include <fovea/core/shape.h>
#include <fovea/data/big_endian.h>
#include <fovea/data/file.h>
#include <fovea/data/idx.h>

#include <array>
#include <string>

namespace fovea {
namespace {

constexpr int kUnsignedByte = 0x08;

std::string type_name(int type) {
  switch (type) {
    case 0x08:
      return "unsigned byte";
    case 0x09:
      return "signed byte";
    case 0x0B:
      return "16-bit integer";
    case 0x0C:
      return "32-bit integer";
    case 0x0D:
      return "float";
    case 0x0E:
      return "double";
    default:
      return "unknown type " + std::to_string(type);
  }
}

// Reads the header; `what` is "images" or "labels", for messages.
std::vector<std::int64_t> read_extents(InputFile& file, std::size_t least, std::size_t most,
                                       const std::string& what) {
  std::array<std::uint8_t, 4> magic{};
  file.read(magic.data(), 4, "the IDX header");
  if (magic[0] != 0 || magic[1] != 0) {
    file.fail(0, "not an IDX file: it starts with bytes " + std::to_string(magic[0]) + " " +
                     std::to_string(magic[1]) + ", an IDX file with 0 0");
  }
  if (magic[2] != kUnsignedByte) {
    file.fail(2, "IDX " + what + " of " + type_name(magic[2]) + "; unsigned bytes are expected");
  }
  const std::size_t rank = magic[3];
  if (rank < least || rank > most) {
    file.fail(3, "IDX data with " + std::to_string(rank) + " extents; " + what + " have " +
                     std::to_string(least) + (most > least ? " or " + std::to_string(most) : "") +
                     ": are image and label files mixed up?");
  }
  std::vector<std::int64_t> extents;
  for (std::size_t i = 0; i < rank; ++i) {
    std::array<std::uint8_t, 4> bytes{};
    file.read(bytes.data(), 4, "the IDX header");
    extents.push_back(big_endian(bytes.data()));
    if (extents.back() == 0) {
      file.fail(file.position() - 4, "extent " + std::to_string(i) + " is 0: no " + what);
    }
  }
  return extents;
}

}  // namespace

IdxImages read_idx_images(const std::filesystem::path& path) {
  InputFile file(path);
  const std::vector<std::int64_t> extents = read_extents(file, 3, 4, "images");
  const std::int64_t channels = extents.size() == 4 ? extents[3] : 1;
  const std::string size = std::to_string(extents[1]) + "x" + std::to_string(extents[2]) + "x" +
                           std::to_string(channels);
  if (extents[1] > kMaxImageExtent || extents[2] > kMaxImageExtent) {
    file.fail(8, "images of " + size + "; the longest side allowed is " +
                     std::to_string(kMaxImageExtent));
  }
  if (channels != 1 && channels != 3) {
    file.fail(16, "images of " + size + "; 1 or 3 channels are expected");
  }
  // At most 2^32 * 2^20 * 2^20 * 3: needs the check.
  const std::int64_t image = extents[1] * extents[2] * channels;
  if (extents[0] > (std::int64_t{1} << 62) / image) {
    file.fail(4, std::to_string(extents[0]) + " images of " + size + " fit no memory");
  }
  const std::int64_t bytes = checked_mul(extents[0], image);
  const std::string what = std::to_string(extents[0]) + " images of " + size;
  file.expect_room(bytes, what);
  IdxImages images{
      {static_cast<int>(extents[1]), static_cast<int>(extents[2]), static_cast<int>(channels)},
      std::vector<std::uint8_t>(static_cast<std::size_t>(bytes)),
      extents[0]};
  file.read(images.pixels.data(), bytes, what);
  file.expect_end();
  return images;
}

std::vector<std::int32_t> read_idx_labels(const std::filesystem::path& path) {
  InputFile file(path);
  const std::int64_t count = read_extents(file, 1, 1, "labels").front();
  const std::string what = std::to_string(count) + " labels";
  file.expect_room(count, what);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
  file.read(bytes.data(), count, what);
  file.expect_end();
  return {bytes.begin(), bytes.end()};
}

}  // namespace fovea
