// resize.cpp - separable triangle filter in fixed point, vertical axis first: its inner loop runs
// along rows, and it leaves fewer rows for the horizontal axis.
//
// Weights have 14 fractional bits and add up to 1 exactly; the vertical sums are kept with 7
// fractional bits (255 * 2^7 < 2^15) and rounded once more at the end, so that a picture of one
// colour keeps it.
#include <fovea/core/error.h>
#include <fovea/data/resize.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace fovea {
namespace {

constexpr int kWeightBits = 14;
constexpr int kRowBits = 7;

void check_target(int height, int width) {
  if (height < 1 || width < 1) {
    throw InvalidArgument("resize: target " + std::to_string(height) + "x" + std::to_string(width) +
                          "; both extents must be at least 1");
  }
}

}  // namespace

// In units of 1 / (2 * out) source pixels, output o lies at (2o+1) * in, source i at (2i+1) * out,
// and the triangle reaches 2 * max(in, out) to either side: weights are exact integers, scaled to
// 14 bits by rounding their running sum, which makes them add up to 2^14.
void Resizer::Axis::set(std::int64_t in, std::int64_t out, std::int64_t window_begin, int window) {
  taps.clear();
  weights.clear();
  const std::int64_t reach = 2 * std::max(in, out);
  for (int i = 0; i < window; ++i) {
    const std::int64_t centre = (2 * (window_begin + i) + 1) * in;
    const auto weight = [&](std::int64_t s) {
      return std::max<std::int64_t>(0, reach - std::llabs((2 * s + 1) * out - centre));
    };
    const std::int64_t lo = std::clamp<std::int64_t>((centre - reach) / (2 * out), 0, in - 1);
    const std::int64_t hi = std::clamp<std::int64_t>((centre + reach) / (2 * out) + 1, lo + 1, in);
    std::int64_t total = 0;
    for (std::int64_t s = lo; s < hi; ++s) total += weight(s);
    const int offset = static_cast<int>(weights.size());
    std::int64_t running = 0, before = 0;
    for (std::int64_t s = lo; s < hi; ++s) {
      running += weight(s);
      // No overflow: extents are at most 2^20, so that total < 2^42.
      const std::int64_t upto = ((running << kWeightBits) + total / 2) / total;
      weights.push_back(static_cast<std::int16_t>(upto - before));
      before = upto;
    }
    taps.push_back({static_cast<int>(lo), static_cast<int>(hi - lo), offset});
  }
  begin = taps.front().first;
  end = 0;
  for (const Taps& t : taps) end = std::max(end, t.first + t.count);
}

// One row; `source` begins at source pixel `begin`. Returns where the next row goes.
template <int Channels>
std::uint8_t* Resizer::Axis::apply(const std::int16_t* source, std::uint8_t* to) const {
  for (const Taps& t : taps) {
    const std::int16_t* w = weights.data() + t.offset;
    const std::int16_t* from = source + (t.first - begin) * Channels;
    std::int32_t sum[Channels];
    std::ranges::fill(sum, 1 << (kWeightBits + kRowBits - 1));
    for (int j = 0; j < t.count; ++j) {
      for (int k = 0; k < Channels; ++k) sum[k] += w[j] * from[j * Channels + k];
    }
    for (int k = 0; k < Channels; ++k) {
      *to++ = static_cast<std::uint8_t>(sum[k] >> (kWeightBits + kRowBits));
    }
  }
  return to;
}

ImageView Resizer::as_channels(const ImageView& from, int channels) {
  if (from.format == (channels == 1 ? PixelFormat::grey8 : PixelFormat::rgb8)) return from;
  const std::int64_t row_bytes = static_cast<std::int64_t>(from.width) * channels;
  converted_.resize(static_cast<std::size_t>(row_bytes * from.height));
  convert(from, channels, converted_.data());
  return {converted_.data(), from.height, from.width, row_bytes,
          channels == 1 ? PixelFormat::grey8 : PixelFormat::rgb8};
}

void Resizer::window(const ImageView& from, std::int64_t full_h, std::int64_t full_w,
                     std::int64_t top, std::int64_t left, int height, int width, int channels,
                     std::uint8_t* to) {
  const ImageView in = as_channels(from, channels);
  rows_.set(in.height, full_h, top, height);
  columns_.set(in.width, full_w, left, width);
  const int span = (columns_.end - columns_.begin) * channels;
  sum_.resize(static_cast<std::size_t>(span));
  row_.resize(static_cast<std::size_t>(span));
  for (const Taps& r : rows_.taps) {
    std::ranges::fill(sum_, 1 << (kWeightBits - kRowBits - 1));
    for (int j = 0; j < r.count; ++j) {
      const std::int32_t w = rows_.weights[static_cast<std::size_t>(r.offset + j)];
      const std::uint8_t* source = in.row(r.first + j) + columns_.begin * channels;
      std::int32_t* sum = sum_.data();
      for (int x = 0; x < span; ++x) sum[x] += w * source[x];
    }
    for (int x = 0; x < span; ++x) {
      row_[static_cast<std::size_t>(x)] =
          static_cast<std::int16_t>(sum_[static_cast<std::size_t>(x)] >> (kWeightBits - kRowBits));
    }
    to = channels == 1 ? columns_.apply<1>(row_.data(), to) : columns_.apply<3>(row_.data(), to);
  }
}

void Resizer::stretch(const ImageView& from, int height, int width, int channels,
                      std::uint8_t* to) {
  check(from);
  check_target(height, width);
  if (from.height == height && from.width == width) return convert(from, channels, to);
  if (channels != 1 && channels != 3) return convert(from, channels, to);  // says what is wrong
  window(from, height, width, 0, 0, height, width, channels, to);
}

void Resizer::cover(const ImageView& from, int height, int width, int channels, std::uint8_t* to) {
  check(from);
  check_target(height, width);
  if (from.height == height && from.width == width) return convert(from, channels, to);
  if (channels != 1 && channels != 3) return convert(from, channels, to);  // says what is wrong
  std::int64_t full_h = height, full_w = width;
  if (static_cast<std::int64_t>(height) * from.width >=
      static_cast<std::int64_t>(width) * from.height) {
    full_w = (static_cast<std::int64_t>(height) * from.width + from.height / 2) / from.height;
    full_w = std::max<std::int64_t>(full_w, width);
  } else {
    full_h = (static_cast<std::int64_t>(width) * from.height + from.width / 2) / from.width;
    full_h = std::max<std::int64_t>(full_h, height);
  }
  window(from, full_h, full_w, (full_h - height) / 2, (full_w - width) / 2, height, width, channels,
         to);
}

Image resize(const ImageView& from, int height, int width, int channels) {
  Image to(height, width, channels);
  Resizer().stretch(from, height, width, channels, to.row(0));
  return to;
}

Image centre_crop(const ImageView& from, int height, int width, int channels) {
  check(from);
  check_target(height, width);
  if (height > from.height || width > from.width) {
    throw InvalidArgument("centre_crop: " + std::to_string(height) + "x" + std::to_string(width) +
                          " of a picture of " + std::to_string(from.height) + "x" +
                          std::to_string(from.width) + "; resize it first");
  }
  ImageView part = from;
  part.pixels = from.row((from.height - height) / 2) +
                static_cast<std::int64_t>((from.width - width) / 2) * bytes_per_pixel(from.format);
  part.height = height;
  part.width = width;
  return Image(part, channels);
}

Image shorter_side(const ImageView& from, int size, int channels) {
  Image to(size, size, channels);
  Resizer().cover(from, size, size, channels, to.row(0));
  return to;
}

}  // namespace fovea
