// embed_inference.cpp - a trained model inside a program: raw pixels in, labels out, on four
// threads.
//
//   embed_inference MODEL.safetensors [FOLDER of Fashion-MNIST]
//
// The caller's pixels may be of any size, row pitch and format. Each thread owns a predictor; all
// share the model's weights. The library prints nothing and keeps no pixel.
//
// Ends with:
//   picture 17 is: # (#%)
//   4 threads, 100 pictures: the same labels as one thread
#include <fovea/fovea.h>

#include <cstdio>
#include <thread>

namespace {

// A grey picture as the BGR rows of a camera, padded to a multiple of 32 bytes.
struct BgrFrame {
  std::vector<std::uint8_t> bytes;
  int height, width, row_bytes;

  explicit BgrFrame(const fovea::ImageView& grey)
      : height{grey.height}, width{grey.width}, row_bytes{(grey.width * 3 + 31) / 32 * 32} {
    bytes.resize(static_cast<std::size_t>(height * row_bytes), 0xEE);
    for (int i = 0; i < height; ++i) {
      for (int j = 0; j < 3 * width; ++j) {
        bytes[static_cast<std::size_t>(i * row_bytes + j)] =
            grey.pixels[i * grey.row_bytes + j / 3];
      }
    }
  }
  fovea::ImageView view() const {
    return {bytes.data(), height, width, row_bytes, fovea::PixelFormat::bgr8};
  }
};

std::vector<int> labels_of(const fovea::Model& model, const std::vector<BgrFrame>& frames,
                           std::size_t first, std::size_t step) {
  fovea::Predictor predict(model, {.device = fovea::Device::cpu(), .max_batch = 8});
  std::vector<int> labels;
  for (std::size_t i = first; i < frames.size(); i += step) {
    labels.push_back(predict(frames[i].view()).best());
  }
  return labels;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr,
                 "embed_inference: name a model, such as the file that the example lenet or "
                 "`fovea train` writes\n");
    return 2;
  }
  try {
    const fovea::Model model = fovea::Model::load(argv[1]);
    const fovea::DataSets data =
        fovea::open_data(argc > 2 ? argv[2] : "/usr/share/datasets/fashion-mnist");
    std::vector<BgrFrame> frames;
    for (int i = 0; i < 100; ++i) frames.emplace_back(data.test->get(i).image);

    fovea::Predictor predict(model);
    for (const auto& [label, probability] : predict(frames[17].view()).top(1)) {
      std::printf("picture 17 is: %s (%.1f%%)\n", label.c_str(), 100.0 * probability);
    }

    const std::vector<int> alone = labels_of(model, frames, 0, 1);
    std::vector<std::vector<int>> together(4);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] { together[t] = labels_of(model, frames, t, 4); });
    }
    for (std::thread& t : threads) t.join();
    bool same = true;
    for (std::size_t i = 0; i < alone.size(); ++i)
      same = same && together[i % 4][i / 4] == alone[i];
    std::printf("4 threads, 100 pictures: %s\n",
                same ? "the same labels as one thread" : "OTHER labels than one thread");
    return same ? 0 : 1;
  } catch (const fovea::Error& e) {
    std::fprintf(stderr, "embed_inference: %s\n", e.what());
    return 2;
  }
}
