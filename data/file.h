// file.h - whole files and compressed ones, with errors that name file and place. Internal.
#pragma once

#include <fovea/core/api.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace fovea {

class GzipReader;

/// Throws InvalidArgument with the words of errno.
[[noreturn]] void cannot_open(const std::filesystem::path& path);

/// A file read from front to back, unpacked on the way if it is gzip.
class InputFile {
 public:
  /// Throws InvalidArgument where the file cannot be opened.
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Reads exactly `bytes` unpacked bytes. Throws FormatError where the file ends or is damaged
  /// before; `what` says what was being read.
  void read(void* to, std::int64_t bytes, const std::string& what);
  /// Throws FormatError unless everything was read; checks gzip's checksum.
  void expect_end();
  /// Throws FormatError where the rest of the file cannot hold `bytes` more unpacked bytes, so that
  /// a wrong header is found before memory is allocated for it.
  void expect_room(std::int64_t bytes, const std::string& what) const;

  std::int64_t position() const { return position_; }
  const std::filesystem::path& path() const { return path_; }
  /// FormatError: "PATH: byte N: " + message.
  [[noreturn]] void fail(std::int64_t at, const std::string& message) const;

 private:
  std::filesystem::path path_;
  std::int64_t file_bytes_ = 0;
  std::unique_ptr<GzipReader> stream_;
  std::int64_t position_ = 0;
};

/// A regular file read here and there. Throws InvalidArgument where it cannot be opened.
class RandomAccessFile {
 public:
  explicit RandomAccessFile(const std::filesystem::path& path);
  ~RandomAccessFile();
  RandomAccessFile(const RandomAccessFile&) = delete;
  RandomAccessFile& operator=(const RandomAccessFile&) = delete;

  /// Reads up to `bytes` bytes at `offset`; returns how many there were.
  std::size_t read(std::int64_t offset, std::uint8_t* to, std::size_t bytes) const;
  std::int64_t bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::int64_t bytes_ = 0;
};

/// All bytes of a file. Throws InvalidArgument where it cannot be read.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path);

/// The lines of a small text file without line ends; trailing empty lines are dropped.
std::vector<std::string> read_lines(const std::filesystem::path& path);

}  // namespace fovea
