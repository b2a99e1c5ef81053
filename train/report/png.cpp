#include <fovea/core/error.h>
#include <fovea/train/report/png.h>

#include <png.h>

#include <algorithm>
#include <cmath>

namespace fovea::report {

std::string encode_png(const Picture& p) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(p.width);
  image.height = static_cast<png_uint_32>(p.height);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, p.rgb.data(), 0, nullptr) == 0) {
    throw Error(std::string("a picture could not be encoded as PNG: ") + image.message);
  }
  bytes.resize(size);
  return bytes;
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
