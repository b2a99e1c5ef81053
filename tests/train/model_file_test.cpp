// model_file_test.cpp - one value, one file.
#include <fovea/core/error.h>
#include <fovea/train/model.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tiny.h"

namespace fovea {
namespace {

using test::TemporaryFolder;

std::vector<float> block(const Model& m) {
  return {m.weights().as<float>(), m.weights().as<float>() + m.weights().elements()};
}

std::vector<float> of(const Model& m, const std::string& name) {
  const auto v = m.parameter(name);
  return {v.begin(), v.end()};
}

TEST(ModelFile, ReadsBackWhatWasSaved) {
  const TemporaryFolder folder;
  const auto data = test::tiny_pictures(20);
  const Model m = test::tiny_model(data);
  m.save(folder.file("model.safetensors"));
  for (const std::string& path : {folder.file("model.safetensors"), folder.path().string()}) {
    const Model back = Model::load(path);
    EXPECT_EQ(block(back), block(m));
    EXPECT_EQ(back.recipe().toml(), m.recipe().toml());
    EXPECT_EQ(back.class_names(), m.class_names());
    EXPECT_EQ(back.preprocessing(), m.preprocessing());
  }
}

TEST(ModelFile, WithClassesReplacesTheLastLayerAlone) {
  const auto data = test::tiny_pictures(20);
  const Model m = test::tiny_model(data);
  const Model two = m.with_classes({"cat", "dog"});
  EXPECT_EQ(two.outputs(), 2);
  EXPECT_EQ(of(two, "conv1.weight"), of(m, "conv1.weight"));
  EXPECT_EQ(of(two, "fc2.weight"), of(m, "fc2.weight"));
  EXPECT_EQ(two.parameter("fc3.weight").size(), 2U * 16U);
  // New even where the number of classes is the same.
  const Model three = m.with_classes({"x", "y", "z"}, 7);
  EXPECT_NE(of(three, "fc3.weight"), of(m, "fc3.weight"));
}

TEST(ModelFile, CopiesShareTheirWeightsUntilOneGetsOthers) {
  const auto data = test::tiny_pictures(20);
  const Model m = test::tiny_model(data);
  const Model copy = m;  // NOLINT: the copy is what is tested
  EXPECT_EQ(copy.weights().data(), m.weights().data());
  const Model other = m.with_weights(std::vector<float>(block(m).size(), 0.5F));
  EXPECT_NE(other.weights().data(), m.weights().data());
  EXPECT_EQ(block(copy), block(m));
  EXPECT_THROW(static_cast<void>(m.with_weights(std::vector<float>(3))), InvalidArgument);
}

TEST(ModelFile, AnUnknownParameterIsRefusedWithTheNamesThereAre) {
  const auto data = test::tiny_pictures(20);
  const Model m = test::tiny_model(data);
  try {
    static_cast<void>(m.parameter("conv9.weight"));
    FAIL();
  } catch (const InvalidArgument& e) {
    EXPECT_NE(std::string(e.what()).find("conv1.weight"), std::string::npos) << e.what();
  }
}

TEST(ModelFile, AFileOfAnotherShapeIsRefused) {
  const TemporaryFolder folder;
  const auto data = test::tiny_pictures(20);
  TensorFile file = test::tiny_model(data).to_file();
  file.tensors.front().shape = {1};
  file.tensors.front().elements = {0.0F};
  save_tensors(folder.file("m"), file);
  EXPECT_THROW(static_cast<void>(Model::load(folder.file("m"))), FormatError);
}

TEST(ModelFile, TakesWhatFitsByNameAndShape) {
  const auto data = test::tiny_pictures(20);
  const Model from = test::tiny_model(data, 1);
  Model to = test::tiny_model(data, 2).with_classes({"a", "b"}, 2);
  EXPECT_EQ(to.take_parameters(from), 4U);  // conv1 and fc2, weight and bias
  EXPECT_EQ(of(to, "fc2.weight"), of(from, "fc2.weight"));
}

}  // namespace
}  // namespace fovea
