// model_test.cpp - a model is one file, and takes other classes.
#include <fovea/tests/layers/tiny_net.h>
#include <fovea/train/model.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

namespace fovea::test {
namespace {

Model fresh() { return {tiny_recipe(), {"top", "middle", "bottom"}, {{12.5F}, {1.0F / 255}}, 1}; }

std::vector<float> block(const Model& m) {
  const float* p = m.weights().as<float>();
  return {p, p + m.weights().elements()};
}

TEST(Model, IsOneFile) {
  const auto path = std::filesystem::temp_directory_path() / "fovea-model-test.safetensors";
  const Model model = fresh();
  model.save(path);
  const Model again = Model::load(path);
  std::filesystem::remove(path);
  EXPECT_EQ(block(again), block(model));
  EXPECT_EQ(again.class_names(), model.class_names());
  EXPECT_EQ(again.preprocessing(), model.preprocessing());
  EXPECT_EQ(again.recipe().toml(), model.recipe().toml());
}

TEST(Model, WithOtherClassesKeepsAllButTheLastLayer) {
  const Model model = fresh();
  const Model other = model.with_classes({"day", "night"});
  EXPECT_EQ(other.outputs(), 2);
  EXPECT_EQ(other.parameter("fc2.weight").size(), 24U);
  for (const ParameterSpec& p : other.parameters()) {
    if (p.name.starts_with("fc2")) continue;
    EXPECT_TRUE(std::ranges::equal(other.parameter(p.name), model.parameter(p.name))) << p.name;
  }
}

TEST(Model, WithWeightsLeavesCopiesAlone) {
  const Model model = fresh();
  const Model copy = model;
  std::vector<float> w = block(model);
  w[0] += 1;
  const Model changed = model.with_weights(w);
  EXPECT_EQ(block(changed), w);
  EXPECT_EQ(block(copy), block(model));
  EXPECT_NE(block(changed), block(model));
}

}  // namespace
}  // namespace fovea::test
