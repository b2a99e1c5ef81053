// gzip_zlib.cpp - zlib's gzread, which reads plain files as they are.
#include <fovea/core/error.h>
#include <fovea/data/file.h>
#include <fovea/data/gzip.h>

#include <zlib.h>

#include <algorithm>
#include <cerrno>

namespace fovea {

struct GzipReader::Impl {
  gzFile handle = nullptr;
};

GzipReader::GzipReader(const std::filesystem::path& path) : impl_{std::make_unique<Impl>()} {
  errno = 0;
  impl_->handle = gzopen(path.c_str(), "rb");
  if (impl_->handle == nullptr) cannot_open(path);
  gzbuffer(impl_->handle, 1 << 17);
}

GzipReader::~GzipReader() { gzclose_r(impl_->handle); }

bool GzipReader::plain() const { return gzdirect(impl_->handle) != 0; }

std::int64_t GzipReader::read(void* to, std::int64_t bytes) {
  constexpr std::int64_t kMost = 1 << 24;  // gzread takes an unsigned and returns an int
  const int got = gzread(impl_->handle, to, static_cast<unsigned>(std::min(bytes, kMost)));
  return std::max(got, 0);
}

std::string GzipReader::problem() const {
  int error = Z_OK;
  const std::string message = gzerror(impl_->handle, &error);
  if (error == Z_OK || error == Z_STREAM_END) return {};
  return error == Z_BUF_ERROR ? "the compressed file is cut off" : "damaged (" + message + ")";
}

}  // namespace fovea
