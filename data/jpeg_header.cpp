// jpeg_header.cpp - markers of ITU-T T.81, annex B.
#include <fovea/data/jpeg_header.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace fovea {
namespace {

// Segments before the frame: bounds the walk through a file made to be slow.
constexpr int kMaxSegments = 4096;

unsigned big16(const std::uint8_t* p) { return static_cast<unsigned>(p[0]) << 8 | p[1]; }

class Tiff {
 public:
  Tiff(const std::uint8_t* data, std::size_t bytes) : data_{data}, bytes_{bytes} {
    little_ = bytes >= 2 && data[0] == 'I' && data[1] == 'I';
  }
  bool valid() const {
    const bool big = bytes_ >= 2 && data_[0] == 'M' && data_[1] == 'M';
    return bytes_ >= 8 && (little_ || big) && u16(2) == 42;
  }
  unsigned u16(std::size_t at) const {
    if (at + 2 > bytes_) return 0;
    return little_ ? static_cast<unsigned>(data_[at + 1]) << 8 | data_[at] : big16(data_ + at);
  }
  std::size_t u32(std::size_t at) const {
    const std::size_t first = u16(at), second = u16(at + 2);
    return little_ ? second << 16 | first : first << 16 | second;
  }

 private:
  const std::uint8_t* data_;
  std::size_t bytes_;
  bool little_ = false;
};

bool is_frame(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

std::string read_frame(const ReadAt& read, std::int64_t at, int marker, JpegHeader& header) {
  std::array<std::uint8_t, 6> frame{};
  if (read(at, frame.data(), frame.size()) != frame.size()) return "cut off in its header";
  // Baseline, extended and progressive, Huffman or arithmetic.
  const bool readable = marker <= 0xC2 || marker == 0xC9 || marker == 0xCA;
  if (!readable || frame[0] != 8) {
    return "a kind of JPEG that is not read (frame type " + std::to_string(marker - 0xC0) + ", " +
           std::to_string(frame[0]) + " bits)";
  }
  header.height = static_cast<int>(big16(&frame[1]));
  header.width = static_cast<int>(big16(&frame[3]));
  header.components = frame[5];
  if (header.height == 0 || header.width == 0) return "a JPEG without size";
  if (header.components != 1 && header.components != 3 && header.components != 4) {
    return "a JPEG of " + std::to_string(header.components) + " components";
  }
  return {};
}

void read_application_segment(const ReadAt& read, std::int64_t at, std::size_t bytes, int marker,
                              JpegHeader& header) {
  if (marker == 0xE1) {
    std::vector<std::uint8_t> payload(bytes);
    payload.resize(read(at, payload.data(), bytes));
    const int orientation = exif_orientation(payload.data(), payload.size());
    if (orientation != 1) header.orientation = orientation;
  }
  if (marker == 0xEE) {
    std::array<std::uint8_t, 5> name{};
    const std::size_t got = read(at, name.data(), std::min(bytes, name.size()));
    header.adobe = header.adobe || (got == 5 && std::memcmp(name.data(), "Adobe", 5) == 0);
  }
}

}  // namespace

int exif_orientation(const std::uint8_t* payload, std::size_t bytes) {
  constexpr std::array<std::uint8_t, 6> kExif{'E', 'x', 'i', 'f', 0, 0};
  if (bytes < kExif.size() || !std::equal(kExif.begin(), kExif.end(), payload)) return 1;
  const Tiff tiff(payload + kExif.size(), bytes - kExif.size());
  if (!tiff.valid()) return 1;
  const std::size_t directory = tiff.u32(4);
  const unsigned entries = tiff.u16(directory);
  for (unsigned i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + std::size_t{12} * i;
    constexpr unsigned kOrientation = 0x0112, kShort = 3;
    if (tiff.u16(entry) != kOrientation || tiff.u16(entry + 2) != kShort) continue;
    const unsigned value = tiff.u16(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

std::string read_jpeg_header(const ReadAt& read, JpegHeader& header) {
  std::array<std::uint8_t, 4> bytes{};
  if (read(0, bytes.data(), 2) != 2 || bytes[0] != 0xFF || bytes[1] != 0xD8) return "not a JPEG";
  std::int64_t at = 2;
  for (int segment = 0; segment < kMaxSegments; ++segment) {
    if (read(at, bytes.data(), 4) != 4) return "cut off in its header";
    if (bytes[0] != 0xFF) return "damaged in its header";
    const int marker = bytes[1];
    if (marker == 0xFF || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
      at += marker == 0xFF ? 1 : 2;  // a fill byte, or a marker without a segment
      continue;
    }
    const unsigned length = big16(&bytes[2]);  // counts its own two bytes
    if (marker == 0xDA || marker == 0xD9 || length < 2) return "a JPEG without a picture";
    if (is_frame(marker)) return read_frame(read, at + 4, marker, header);
    read_application_segment(read, at + 4, length - 2, marker, header);
    at += 2 + static_cast<std::int64_t>(length);
  }
  return "a JPEG with too many segments";
}

}  // namespace fovea
