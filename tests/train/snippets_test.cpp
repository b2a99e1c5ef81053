// snippets_test.cpp - the two programs of docs/embedding.md as they stand there (ctest
// docs.embedding_programs compares); what they take for given is around them.
#include <fovea/fovea.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "tiny.h"

namespace {

// A picture of the user's own: bright above the middle or below it, BGR.
struct Shot {
  std::vector<std::uint8_t> pixels = std::vector<std::uint8_t>(12 * 10 * 3, 20);
  int label = 0;
  explicit Shot(int l) : label{l} {
    for (std::size_t i = 0; i < 60 * 3; ++i) pixels[i + (l == 0 ? 0U : 60U * 3U)] = 230;
  }
  fovea::ImageView view() const { return {pixels.data(), 12, 10, 30, fovea::PixelFormat::bgr8}; }
};

std::vector<std::string> messages;
void my_log(std::string_view message) { messages.emplace_back(message); }

class Snippets : public testing::Test {
 protected:
  void SetUp() override {
    before_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_.path());
    const auto data = fovea::test::tiny_pictures(30);
    fovea::test::tiny_model(data).save("alexnet.safetensors");
  }
  void TearDown() override { std::filesystem::current_path(before_); }

  void train(const std::vector<Shot>& shots) {
    struct Bar {
      double at = 0;
      void set(double fraction) { at = fraction; }
    } bar;
    const bool cancelled = false;
    fovea::Model model = fovea::Model::load("alexnet.safetensors").with_classes({"cat", "dog"});
    fovea::MemoryDataset data;  // or a fovea::Dataset of your own
    for (const Shot& s : shots) data.add(s.view(), s.label);
    fovea::Trainer trainer(model, data,
                           {.epochs = 5, .learning_rate = 1e-3F, .freeze = {"conv*"}, .seed = 1});
    trainer.on_step([&](const fovea::Progress& p) {
      bar.set(p.fraction);
      return !cancelled;  // false: stop after this step; run() again goes on
    });
    trainer.run();
    model.save("pets.safetensors");
    EXPECT_DOUBLE_EQ(bar.at, 1.0);
  }

  void predict(const Shot& shot) {
    const std::uint8_t* pixels = shot.pixels.data();
    const int height = 12, width = 10, row_bytes = 30;
    const fovea::Model model = fovea::Model::load("pets.safetensors");  // or a run folder
    fovea::Predictor predict(model, {.device = fovea::Device::best(), .max_batch = 8});
    const fovea::ImageView image{pixels, height, width, row_bytes, fovea::PixelFormat::bgr8};
    for (const auto& [label, probability] : predict(image).top(5)) {
      std::printf("%5.1f %%  %s\n", 100.0 * probability, label.c_str());
    }
    EXPECT_EQ(predict(image).labels(), (std::vector<std::string>{"cat", "dog"}));
  }

 private:
  fovea::test::TemporaryFolder folder_;
  std::filesystem::path before_;
};

TEST_F(Snippets, MessagesGoToTheSink) {
  fovea::set_log_sink([](fovea::LogLevel, std::string_view message) { my_log(message); });
  fovea::log(fovea::LogLevel::info, "heard");
  fovea::set_log_sink({});
  fovea::log(fovea::LogLevel::info, "not heard");
  EXPECT_EQ(messages, std::vector<std::string>{"heard"});
}

TEST_F(Snippets, RunAsTheyStand) {
  std::vector<Shot> shots;
  for (int i = 0; i < 40; ++i) shots.emplace_back(i % 2);
  train(shots);
  predict(shots.front());
  // What was frozen is as it was, what was not is not.
  const auto before = fovea::Model::load("alexnet.safetensors");
  const auto after = fovea::Model::load("pets.safetensors");
  const auto equal = [&](const char* name) {
    return std::ranges::equal(before.parameter(name), after.parameter(name));
  };
  EXPECT_TRUE(equal("conv1.weight"));
  EXPECT_TRUE(equal("conv1.bias"));
  EXPECT_FALSE(equal("fc2.weight"));
}

}  // namespace
