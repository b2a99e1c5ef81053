// atomic_file.cpp - good files are never replaced by half-written ones.
#include <fovea/core/error.h>
#include <fovea/train/safetensors.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace fovea {
namespace {

[[noreturn]] void fail(const std::string& path, const char* what) {
  throw Error(path + " could not be written (" + what + ": " + std::strerror(errno) +
              "); what stood there is unchanged");
}

class UniqueDescriptor {
 public:
  explicit UniqueDescriptor(int descriptor) : descriptor_{descriptor} {}
  UniqueDescriptor(const UniqueDescriptor&) = delete;
  UniqueDescriptor& operator=(const UniqueDescriptor&) = delete;
  ~UniqueDescriptor() { ::close(descriptor_); }

 private:
  int descriptor_;
};

void write_all(int descriptor, std::string_view bytes, const std::string& path) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(descriptor, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(path, "write");
    done += static_cast<std::size_t>(n);
  }
}

// A device or a pipe: there is no old content to keep, and nothing may take its place.
void write_in_place(const std::string& path, std::span<const std::string_view> pieces) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) fail(path, "open");
  const UniqueDescriptor owner(descriptor);
  for (const std::string_view piece : pieces) write_all(descriptor, piece, path);
}

// A file under another name that disappears unless it was published.
class Sibling {
 public:
  explicit Sibling(const std::string& path)
      : path_{path},
        name_{path + ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(next_++)} {
    descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail(path_, "open");
  }
  Sibling(const Sibling&) = delete;
  Sibling& operator=(const Sibling&) = delete;
  ~Sibling() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!published_) ::unlink(name_.c_str());
  }

  void write(std::string_view bytes) const { write_all(descriptor_, bytes, path_); }

  // Flushed before it takes the name, so that a power cut leaves the old file or the new one.
  void publish() {
    struct stat old {};
    if (::stat(path_.c_str(), &old) == 0)
      static_cast<void>(::fchmod(descriptor_, old.st_mode & 07777));
    if (::fsync(descriptor_) != 0) fail(path_, "fsync");
    const int closed = ::close(descriptor_);
    descriptor_ = -1;
    if (closed != 0) fail(path_, "close");
    if (::rename(name_.c_str(), path_.c_str()) != 0) fail(path_, "rename");
    published_ = true;
    sync_folder();
  }

 private:
  void sync_folder() const {
    const std::filesystem::path folder = std::filesystem::path(path_).parent_path();
    const int d = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d < 0) return;  // the rename itself has succeeded
    static_cast<void>(::fsync(d));
    ::close(d);
  }

  static inline std::atomic<unsigned> next_{0};
  std::string path_, name_;
  int descriptor_ = -1;
  bool published_ = false;
};

}  // namespace

void write_file_atomically(const std::string& path, std::span<const std::string_view> pieces) {
  std::error_code unknown;
  const auto type = std::filesystem::status(path, unknown).type();
  using std::filesystem::file_type;
  if (type != file_type::not_found && type != file_type::none && type != file_type::regular) {
    write_in_place(path, pieces);
    return;
  }
  // Through a link the file behind it is replaced, not the link.
  const bool link = std::filesystem::is_symlink(path, unknown) && type == file_type::regular;
  Sibling file(link ? std::filesystem::canonical(path).string() : path);
  for (const std::string_view piece : pieces) file.write(piece);
  file.publish();
}

void write_file_atomically(const std::string& path, const std::string& bytes) {
  const std::string_view piece = bytes;
  write_file_atomically(path, std::span(&piece, 1));
}

}  // namespace fovea
