// pictures.h - pictures as a camera's driver hands them over: BGR, rows padded to 32 bytes.
#pragma once

#include <fovea/data/dataset.h>

#include <stdexcept>
#include <utility>
#include <vector>

struct Frame {
  std::vector<std::uint8_t> bytes;
  int height = 0, width = 0, row_bytes = 0;
  int label = 0;

  Frame(const fovea::ImageView& grey, int its_label)
      : height{grey.height},
        width{grey.width},
        row_bytes{(grey.width * 3 + 31) / 32 * 32},
        label{its_label} {
    // The padding is as bright as can be: whoever reads it gets other labels.
    bytes.resize(static_cast<std::size_t>(height * row_bytes), 0xFF);
    for (int i = 0; i < height; ++i) {
      for (int j = 0; j < 3 * width; ++j) {
        bytes[static_cast<std::size_t>(i * row_bytes + j)] = grey.row(i)[j / 3];
      }
    }
  }
  fovea::ImageView view() const {
    return {bytes.data(), height, width, row_bytes, fovea::PixelFormat::bgr8};
  }
};

// A data set of the program's own: frames that stay where they are.
class Frames final : public fovea::Dataset {
 public:
  explicit Frames(std::vector<Frame> frames) : frames_{std::move(frames)} {}
  std::int64_t size() const override { return static_cast<std::int64_t>(frames_.size()); }
  int classes() const override { return 2; }
  fovea::Sample get(std::int64_t i) const override {
    const Frame& f = frames_[static_cast<std::size_t>(i)];
    return {.image = f.view(), .label = f.label, .target = {}, .storage = {}};
  }

 private:
  std::vector<Frame> frames_;
};

// The camera is unplugged after some pictures.
class CameraGone : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class BrokenCamera final : public fovea::Dataset {
 public:
  explicit BrokenCamera(const fovea::Dataset& good) : good_{good} {}
  std::int64_t size() const override { return good_.size(); }
  int classes() const override { return good_.classes(); }
  fovea::Sample get(std::int64_t i) const override {
    if (i == good_.size() / 2) throw CameraGone("no signal");
    return good_.get(i);
  }

 private:
  const fovea::Dataset& good_;
};
