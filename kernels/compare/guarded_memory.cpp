#include <fovea/kernels/compare/guarded_memory.h>

#include <algorithm>
#include <cstring>

namespace fovea::compare {

GuardedMemory::GuardedMemory(std::size_t bytes, StreamView stream)
    : bytes_{bytes},
      stream_{stream},
      buffer_{bytes + 2 * kGuard, stream, default_resource(stream.device())} {
  stream_.fill(buffer_.data(), 0xff, bytes_ + 2 * kGuard);
  stream_.synchronize();
}

void GuardedMemory::upload(const std::vector<std::byte>& bytes) {
  stream_.copy(data(), bytes.data(), bytes.size());
  stream_.synchronize();
}

std::vector<std::byte> GuardedMemory::download() const {
  std::vector<std::byte> bytes(bytes_);
  stream_.copy(bytes.data(), data(), bytes_);
  stream_.synchronize();
  return bytes;
}

bool GuardedMemory::holds(const std::vector<std::byte>& bytes) const {
  if (stream_.device().kind() == DeviceKind::cuda) return download() == bytes;
  stream_.synchronize();
  return bytes.empty() || std::memcmp(data(), bytes.data(), bytes.size()) == 0;
}

void GuardedMemory::poison() {
  stream_.fill(data(), 0xff, bytes_);
  stream_.synchronize();
}

std::string GuardedMemory::damage() const {
  std::vector<std::byte> guards(2 * kGuard);
  stream_.copy(guards.data(), buffer_.data(), kGuard);
  stream_.copy(guards.data() + kGuard, static_cast<const std::byte*>(data()) + bytes_, kGuard);
  stream_.synchronize();
  for (std::size_t i = 0; i < kGuard; ++i) {
    if (guards[i] != std::byte{0xff}) return std::to_string(kGuard - i) + " bytes before its start";
    if (guards[kGuard + i] != std::byte{0xff}) {
      return std::to_string(i) + " bytes after its end";
    }
  }
  return "";
}

std::optional<std::size_t> GuardedMemory::touched(std::size_t offset, std::size_t bytes) const {
  std::vector<std::byte> now(bytes);
  stream_.copy(now.data(), static_cast<const std::byte*>(data()) + offset, bytes);
  stream_.synchronize();
  const auto found = std::ranges::find_if(now, [](std::byte b) { return b != std::byte{0xff}; });
  if (found == now.end()) return {};
  return static_cast<std::size_t>(found - now.begin());
}

}  // namespace fovea::compare
