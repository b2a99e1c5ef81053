// file.cpp - zlib's gzread reads plain files as they are.
#include <fovea/core/error.h>
#include <fovea/data/file.h>

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace fovea {
namespace {

// Deflate cannot shrink by more: zlib's technical details, "Maximum Compression Factor".
constexpr std::int64_t kMaxDeflateRatio = 1032;
constexpr std::int64_t kMaxTextBytes = 1 << 24;

[[noreturn]] void cannot_open(const std::filesystem::path& path) {
  const int error = errno;
  throw InvalidArgument(path.string() + ": cannot be opened: " +
                        (error != 0 ? std::generic_category().message(error) : "out of memory"));
}

}  // namespace

struct InputFile::Stream {
  explicit Stream(const char* path) : handle{gzopen(path, "rb")} {}
  ~Stream() {
    if (handle != nullptr) gzclose_r(handle);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  gzFile handle;
};

InputFile::InputFile(const std::filesystem::path& path) : path_{path} {
  errno = 0;
  stream_ = std::make_unique<Stream>(path.c_str());
  if (stream_->handle == nullptr) cannot_open(path);
  gzbuffer(stream_->handle, 1 << 17);
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (error) throw InvalidArgument(path.string() + ": not a file: " + error.message());
  file_bytes_ = static_cast<std::int64_t>(bytes);
}

InputFile::~InputFile() = default;

void InputFile::fail(std::int64_t at, const std::string& message) const {
  throw FormatError(path_.string() + ": byte " + std::to_string(at) + ": " + message);
}

void InputFile::read(void* to, std::int64_t bytes, const std::string& what) {
  auto* p = static_cast<char*>(to);
  for (std::int64_t left = bytes; left > 0;) {
    const auto part = static_cast<unsigned>(std::min<std::int64_t>(left, 1 << 24));
    const int got = gzread(stream_->handle, p, part);
    if (got > 0) {
      p += got;
      left -= got;
      position_ += got;
      continue;
    }
    int error = Z_OK;
    const char* message = gzerror(stream_->handle, &error);
    const std::string missing = std::to_string(left) + " bytes of " + what + " are missing";
    if (error == Z_OK) fail(position_, "the file ends, " + missing + "; get it again");
    if (error == Z_BUF_ERROR) {
      fail(position_, "the compressed file is cut off, " + missing + "; get it again");
    }
    fail(position_, "damaged (" + std::string(message) + "), " + missing + "; get it again");
  }
}

void InputFile::expect_end() {
  char byte = 0;
  const int got = gzread(stream_->handle, &byte, 1);
  if (got > 0) fail(position_, "the file goes on after what its header promises; get it again");
  int error = Z_OK;
  const char* message = gzerror(stream_->handle, &error);
  if (error == Z_BUF_ERROR) {
    fail(position_, "the compressed file is cut off before its checksum; get it again");
  }
  if (error != Z_OK) fail(position_, "damaged (" + std::string(message) + "); get it again");
}

void InputFile::expect_room(std::int64_t bytes, const std::string& what) const {
  const bool plain = gzdirect(stream_->handle) != 0;
  const std::int64_t most = plain ? file_bytes_ - position_ : file_bytes_ * kMaxDeflateRatio;
  if (bytes > most) {
    fail(position_, what + " need " + std::to_string(bytes) + " bytes, the file has " +
                        (plain ? std::to_string(most)
                               : "only " + std::to_string(file_bytes_) + " compressed") +
                        "; it is cut off, or its header is wrong");
  }
}

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) cannot_open(path);
  const std::streamoff bytes = in.tellg();
  // A folder opens, but has no size.
  if (bytes < 0 || bytes == std::numeric_limits<std::streamoff>::max()) {
    throw InvalidArgument(path.string() + ": not a file");
  }
  std::vector<std::uint8_t> data(static_cast<std::size_t>(bytes));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(data.data()), bytes);
  if (in.gcount() != bytes) throw FormatError(path.string() + ": cannot be read to its end");
  return data;
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (!error && bytes > static_cast<std::uintmax_t>(kMaxTextBytes)) {
    throw FormatError(path.string() + ": " + std::to_string(bytes) +
                      " bytes: not a text file with one name a line");
  }
  const std::vector<std::uint8_t> data = read_file(path);
  std::vector<std::string> lines(1);
  for (const std::uint8_t byte : data) {
    if (byte == '\n') {
      lines.emplace_back();
    } else if (byte != '\r') {
      lines.back().push_back(static_cast<char>(byte));
    }
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace fovea
