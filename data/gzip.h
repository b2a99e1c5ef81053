// gzip.h - bytes of a file, unpacked if they are gzip: by zlib (gzip_zlib.cpp), or, where the build
// has none, plain files only (gzip_none.cpp). Internal.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace fovea {

class GzipReader {
 public:
  /// Throws InvalidArgument where the file cannot be opened, Unsupported for gzip without zlib.
  explicit GzipReader(const std::filesystem::path& path);
  ~GzipReader();
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  /// Whether the file is not packed.
  bool plain() const;
  /// Reads up to `bytes` unpacked bytes; 0 at the end of the file or after damage: see problem().
  std::int64_t read(void* to, std::int64_t bytes);
  /// Why the last read() came to its end; empty: that is the end of the file, and gzip's checksum
  /// was right.
  std::string problem() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea
