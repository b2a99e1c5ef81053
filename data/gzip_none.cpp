// gzip_none.cpp - a build without zlib reads plain files.
#include <fovea/core/error.h>
#include <fovea/data/file.h>
#include <fovea/data/gzip.h>

namespace fovea {

struct GzipReader::Impl {
  explicit Impl(const std::filesystem::path& path) : file{path} {}
  RandomAccessFile file;
  std::int64_t position = 0;
};

GzipReader::GzipReader(const std::filesystem::path& path) : impl_{std::make_unique<Impl>(path)} {
  std::uint8_t magic[2] = {};
  if (impl_->file.read(0, magic, 2) == 2 && magic[0] == 0x1F && magic[1] == 0x8B) {
    throw Unsupported(path.string() +
                      ": packed, and this build reads no gzip; unpack it with gunzip, or install "
                      "zlib1g-dev and build again");
  }
}

GzipReader::~GzipReader() = default;

bool GzipReader::plain() const { return true; }

std::int64_t GzipReader::read(void* to, std::int64_t bytes) {
  const std::size_t got = impl_->file.read(impl_->position, static_cast<std::uint8_t*>(to),
                                           static_cast<std::size_t>(bytes));
  impl_->position += static_cast<std::int64_t>(got);
  return static_cast<std::int64_t>(got);
}

std::string GzipReader::problem() const { return {}; }

}  // namespace fovea
