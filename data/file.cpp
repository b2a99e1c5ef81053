// file.cpp - reading, with errors that say where.
#include <fovea/core/error.h>
#include <fovea/data/file.h>
#include <fovea/data/gzip.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace fovea {
namespace {

// Deflate cannot shrink by more: zlib's technical details, "Maximum Compression Factor".
constexpr std::int64_t kMaxDeflateRatio = 1032;
constexpr std::int64_t kMaxTextBytes = 1 << 24;

}  // namespace

void cannot_open(const std::filesystem::path& path) {
  const int error = errno;
  throw InvalidArgument(path.string() + ": cannot be opened: " +
                        (error != 0 ? std::generic_category().message(error) : "out of memory"));
}

InputFile::InputFile(const std::filesystem::path& path)
    : path_{path},
      file_bytes_{RandomAccessFile(path).bytes()},
      stream_{std::make_unique<GzipReader>(path)} {}

InputFile::~InputFile() = default;

void InputFile::fail(std::int64_t at, const std::string& message) const {
  throw FormatError(path_.string() + ": byte " + std::to_string(at) + ": " + message);
}

void InputFile::read(void* to, std::int64_t bytes, const std::string& what) {
  auto* p = static_cast<char*>(to);
  for (std::int64_t left = bytes; left > 0;) {
    const std::int64_t got = stream_->read(p, left);
    if (got == 0) {
      const std::string problem = stream_->problem();
      fail(position_, (problem.empty() ? "the file ends" : problem) + ", " + std::to_string(left) +
                          " bytes of " + what + " are missing; get it again");
    }
    p += got;
    left -= got;
    position_ += got;
  }
}

void InputFile::expect_end() {
  char byte = 0;
  if (stream_->read(&byte, 1) > 0) {
    fail(position_, "the file goes on after what its header promises; get it again");
  }
  const std::string problem = stream_->problem();
  if (!problem.empty()) fail(position_, problem + " after the last byte; get it again");
}

void InputFile::expect_room(std::int64_t bytes, const std::string& what) const {
  const bool plain = stream_->plain();
  const std::int64_t most = plain ? file_bytes_ - position_ : file_bytes_ * kMaxDeflateRatio;
  if (bytes > most) {
    fail(position_, what + " need " + std::to_string(bytes) + " bytes, the file has " +
                        (plain ? std::to_string(most)
                               : "only " + std::to_string(file_bytes_) + " compressed") +
                        "; it is cut off, or its header is wrong");
  }
}

// O_NONBLOCK: opening a pipe would wait for somebody to write to it.
RandomAccessFile::RandomAccessFile(const std::filesystem::path& path)
    : path_{path}, descriptor_{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)} {
  if (descriptor_ < 0) cannot_open(path);
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    throw InvalidArgument(path.string() + ": not a file");
  }
  bytes_ = status.st_size;
}

RandomAccessFile::~RandomAccessFile() { ::close(descriptor_); }

std::size_t RandomAccessFile::read(std::int64_t offset, std::uint8_t* to, std::size_t bytes) const {
  std::size_t done = 0;
  while (done < bytes) {
    const auto got = ::pread(descriptor_, to + done, bytes - done,
                             static_cast<off_t>(offset) + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  const RandomAccessFile file(path);
  std::vector<std::uint8_t> data(static_cast<std::size_t>(file.bytes()));
  if (file.read(0, data.data(), data.size()) != data.size()) {
    throw FormatError(path.string() + ": cannot be read to its end");
  }
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
