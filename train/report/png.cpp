#include <fovea/train/crc32.h>
#include <fovea/train/report/png.h>

#include <algorithm>
#include <cmath>

namespace fovea::report {

namespace {

std::string big_endian(std::uint32_t v) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(v >> shift & 0xFFU);
  return bytes;
}

// W3C PNG, 5.3: length, type and data, checksum of both.
std::string chunk(const std::string& type, const std::string& data) {
  const std::string checked = type + data;
  return big_endian(static_cast<std::uint32_t>(data.size())) + checked + big_endian(crc32(checked));
}

std::uint32_t adler32(const std::string& bytes) {  // RFC 1950, 8.2
  std::uint32_t a = 1, b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

// A zlib stream (RFC 1950) of stored blocks (RFC 1951, 3.2.4): our pictures are small, and noise
// that would not shrink.
std::string stored(const std::string& bytes) {
  constexpr std::size_t kBlock = 65535;
  std::string out = "\x78\x01";
  for (std::size_t at = 0; at == 0 || at < bytes.size(); at += kBlock) {
    const std::string block = bytes.substr(at, kBlock);
    const std::size_t n = block.size();
    out += at + kBlock >= bytes.size() ? '\1' : '\0';  // the last one?
    for (const std::size_t v : {n, ~n}) {
      out += static_cast<char>(v & 0xFFU);
      out += static_cast<char>(v >> 8 & 0xFFU);
    }
    out += block;
  }
  return out + big_endian(adler32(bytes));
}

}  // namespace

std::string encode_png(const Picture& p) {
  const auto row_bytes = static_cast<std::size_t>(p.width) * 3;
  std::string rows;
  for (std::size_t at = 0; at < p.rgb.size(); at += row_bytes) {
    rows += '\0';  // no filter
    rows.append(reinterpret_cast<const char*>(p.rgb.data() + at), row_bytes);
  }
  const std::string sizes = big_endian(static_cast<std::uint32_t>(p.width)) +
                            big_endian(static_cast<std::uint32_t>(p.height));
  const std::string eight_bit_rgb = {'\x08', '\x02', '\0', '\0', '\0'};
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", sizes + eight_bit_rgb) + chunk("IDAT", stored(rows)) +
         chunk("IEND", "");
}

std::string base64(const std::string& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t v = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      v = v << 8 | (i + k < bytes.size() ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k <= bytes.size() ? kDigits[v >> (18 - 6 * k) & 63U] : '=';
    }
  }
  return out;
}

Picture filter_grid(std::span<const float> weights, const Shape& krsc) {
  const auto k = static_cast<int>(krsc[0]), r = static_cast<int>(krsc[1]),
             s = static_cast<int>(krsc[2]), c = static_cast<int>(krsc[3]);
  const int columns = std::max(1, static_cast<int>(std::ceil(std::sqrt(2.0 * k))));
  const int rows = (k + columns - 1) / columns;
  Picture p{columns * (s + 1) + 1, rows * (r + 1) + 1, {}};
  p.rgb.assign(static_cast<std::size_t>(p.width) * static_cast<std::size_t>(p.height) * 3, 128);
  const auto per_filter = static_cast<std::size_t>(r) * s * c;
  for (int f = 0; f < k; ++f) {
    const auto filter = weights.subspan(static_cast<std::size_t>(f) * per_filter, per_filter);
    const auto [low, high] = std::ranges::minmax(filter);
    const float range = high > low ? high - low : 1.0F;
    for (int i = 0; i < r * s; ++i) {
      const int y = f / columns * (r + 1) + 1 + i / s;
      const int x = f % columns * (s + 1) + 1 + i % s;
      float mean = 0;
      for (int ch = 0; ch < c; ++ch) mean += filter[static_cast<std::size_t>(i * c + ch)];
      mean /= static_cast<float>(c);
      for (int rgb = 0; rgb < 3; ++rgb) {
        const float v = c == 3 ? filter[static_cast<std::size_t>(i * 3 + rgb)] : mean;
        p.rgb[static_cast<std::size_t>((y * p.width + x) * 3 + rgb)] =
            static_cast<std::uint8_t>(std::lround(255.0F * (v - low) / range));
      }
    }
  }
  return p;
}

}  // namespace fovea::report
