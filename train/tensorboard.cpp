#include <fovea/core/error.h>
#include <fovea/train/crc32.h>
#include <fovea/train/safetensors.h>
#include <fovea/train/tensorboard.h>

#include <bit>
#include <vector>

namespace fovea {
namespace {

template <class Unsigned>
std::string little_endian(Unsigned v) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(v); ++i) bytes.push_back(static_cast<char>(v >> (8 * i)));
  return bytes;
}

// Fields of protocol buffers (protobuf.dev, "Encoding"): a key of number and wire type, then the
// value: 0 a varint, 1 eight bytes, 2 a length and so many bytes, 5 four bytes.
std::string varint(std::uint64_t v) {
  std::string bytes;
  for (; v >= 0x80; v >>= 7U) bytes.push_back(static_cast<char>(v | 0x80U));
  bytes.push_back(static_cast<char>(v));
  return bytes;
}
std::string key(unsigned number, unsigned wire_type) { return varint(number << 3U | wire_type); }
std::string varint_field(unsigned number, std::int64_t v) {
  return key(number, 0) + varint(static_cast<std::uint64_t>(v));
}
std::string double_field(unsigned number, double v) {
  return key(number, 1) + little_endian(std::bit_cast<std::uint64_t>(v));
}
std::string bytes_field(unsigned number, std::string_view v) {
  return key(number, 2) + varint(v.size()) + std::string(v);
}
std::string float_field(unsigned number, float v) {
  return key(number, 5) + little_endian(std::bit_cast<std::uint32_t>(v));
}

// TFRecord masks checksums, since a checksum of data that holds checksums tells little.
std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8U;
}

}  // namespace

std::string tfrecord(std::string_view data) {
  const std::string length = little_endian(std::uint64_t{data.size()});
  return length + little_endian(masked_crc(length)) + std::string(data) +
         little_endian(masked_crc(data));
}

std::string scalar_event(double wall_time, std::int64_t step,
                         std::span<const EventScalar> scalars) {
  std::string summary;
  for (const EventScalar& s : scalars) {
    summary += bytes_field(1, bytes_field(1, s.tag) + float_field(2, s.value));
  }
  return double_field(1, wall_time) + varint_field(2, step) + bytes_field(5, summary);
}

std::string version_event(double wall_time) {
  return double_field(1, wall_time) + bytes_field(3, "brain.Event:2");
}

TensorBoardLog::TensorBoardLog(std::filesystem::path folder, std::span<const MetricsLine> so_far,
                               double origin, bool top5)
    : folder_{std::move(folder)}, origin_{origin}, top5_{top5} {
  std::map<std::string, std::string> events;
  for (const MetricsLine& line : so_far) events[line.split] += event_of(line);
  for (const auto& [split, text] : events) begin(split, text);
}

void TensorBoardLog::write(const MetricsLine& line) {
  const auto file = files_.find(line.split);
  (file != files_.end() ? file->second : begin(line.split, "")) << event_of(line);
}

void TensorBoardLog::flush() {
  for (auto& [split, file] : files_) {
    if (!file.flush()) {
      throw Error(path_of(split).string() + " could not be written: is the disk full?");
    }
  }
}

std::string TensorBoardLog::event_of(const MetricsLine& m) const {
  std::vector<EventScalar> scalars = {{"loss", static_cast<float>(m.score.loss)},
                                      {"top1_error", static_cast<float>(m.score.top1_error)}};
  if (top5_) scalars.push_back({"top5_error", static_cast<float>(m.score.top5_error)});
  scalars.push_back({"learning_rate", m.learning_rate});
  scalars.push_back({"images_per_second", static_cast<float>(m.images_per_second)});
  return tfrecord(scalar_event(origin_ + m.run_seconds, m.step, scalars));
}

// TensorBoard looks for "tfevents" in the name.
std::filesystem::path TensorBoardLog::path_of(const std::string& split) const {
  return folder_ / split / "events.out.tfevents.fovea";
}

std::ofstream& TensorBoardLog::begin(const std::string& split, const std::string& events) {
  const std::filesystem::path path = path_of(split);
  std::filesystem::create_directories(path.parent_path());
  write_file_atomically(path.string(), tfrecord(version_event(origin_)) + events);
  std::ofstream& file = files_[split];
  file.open(path, std::ios::app | std::ios::binary);
  if (!file) throw Error(path.string() + " cannot be appended to: check permissions");
  return file;
}

}  // namespace fovea
