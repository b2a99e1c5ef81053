// recipe_test.cpp - recipes as TOML: what parses, what is refused and how it is said.
#include <fovea/core/error.h>
#include <fovea/layers/recipe.h>

#include <gtest/gtest.h>

namespace fovea {
namespace {

std::int64_t parameters(const std::string& preset, int classes) {
  const Recipe r = Recipe::preset(preset);
  Graph g;
  const Value x = g.input("x", {1, r.input.height, r.input.width, r.input.channels}, DType::f32);
  static_cast<void>(r.net(classes)->record(g, x));
  std::int64_t count = 0;
  for (const ParameterSpec& p : g.parameters()) count += p.shape.elements();
  return count;
}

std::string refusal(const std::string& toml) {
  try {
    Recipe::parse(toml, "mine.toml").validate(10);
  } catch (const InvalidArgument& e) {
    return e.what();
  }
  return "accepted";
}

// Counts of the published nets: the paper's sizes, torchvision's documentation.
TEST(Presets, HaveTheParametersOfTheirModels) {
  EXPECT_EQ(parameters("alexnet-2012", 1000), 60'965'224);
  EXPECT_EQ(parameters("alexnet-torchvision", 1000), 61'100'840);
  EXPECT_EQ(parameters("lenet", 10), 431'080);
  EXPECT_GE(parameters("alexnet-fashion", 10), 240'000);
}

TEST(Presets, AreValidAndComeBackFromTheirOwnToml) {
  for (const std::string& name : preset_names()) {
    const Recipe r = Recipe::preset(name);
    EXPECT_NO_THROW(r.validate(10)) << name;
    EXPECT_EQ(Recipe::parse(r.toml(), "again").toml(), r.toml()) << name;
  }
}

TEST(Presets, Alexnet2012HasTheShapesOfThePaper) {
  const auto net = Recipe::preset("alexnet-2012").net(1000);
  Shape shape{1, 224, 224, 3};
  std::vector<Shape> of_convolutions;
  for (const auto& layer : net->layers()) {
    shape = layer->output_shape(shape);
    if (layer->name().starts_with("conv")) of_convolutions.push_back(shape);
  }
  const std::vector<Shape> paper = {
      {1, 55, 55, 96}, {1, 27, 27, 256}, {1, 13, 13, 384}, {1, 13, 13, 384}, {1, 13, 13, 256}};
  EXPECT_EQ(of_convolutions, paper);
}

TEST(Recipe, RefusesWhatItDoesNotKnowAndNamesTheNearest) {
  EXPECT_EQ(refusal("[train]\nepoch = 3\n"),
            "mine.toml, line 2: [train] has no key 'epoch'; the nearest is 'epochs'");
  EXPECT_EQ(refusal("[[layer]]\ntype = \"cnov\"\n"),
            "mine.toml, line 1: [[layer]] needs a type; 'cnov' is none, the nearest is 'conv'");
  EXPECT_EQ(refusal("[[layer]]\ntype = \"relu\"\nfilters = 3\n"),
            "mine.toml, line 3: a layer of type relu has no key 'filters'; the nearest is 'type'");
  EXPECT_EQ(refusal("[tran]\n"),
            "mine.toml, line 1: a recipe has no key 'tran'; the nearest is 'train'");
  EXPECT_EQ(refusal("[train]\nbatch = \"many\"\n"),
            "mine.toml, line 2: batch = many is not a whole number");
  EXPECT_EQ(refusal("[input]\nmirror = 1\n"), "mine.toml, line 2: mirror = 1 is not true or false");
}

TEST(Recipe, RefusesNetsThatCannotBe) {
  EXPECT_EQ(
      refusal("name = \"x\"\n"),
      "recipe x: there is no [[layer]]; a net written in C++ is handed over in Recipe::own_net");
  EXPECT_NE(refusal("[[layer]]\ntype = \"conv\"\nfilters = 4\nsize = 31\n")
                .find("layer conv1: convolution n1c1h28k4r31: the filter does not fit"),
            std::string::npos);
  EXPECT_NE(refusal("[[layer]]\ntype = \"linear\"\noutputs = 7\n")
                .find("gives 1x7, not one score for each of 10 classes"),
            std::string::npos);
  EXPECT_NE(refusal("[train]\nlearning_rate = 0.0\n[[layer]]\ntype = \"linear\"\n")
                .find("train.learning_rate is above 0"),
            std::string::npos);
}

TEST(Recipe, SetChangesOneValue) {
  Recipe r = Recipe::preset("lenet");
  r.set("train.epochs=7");
  r.set("input.mirror=true");
  r.set("layer.conv1.pad=2:1");
  EXPECT_EQ(r.train.epochs, 7);
  EXPECT_TRUE(r.input.mirror);
  EXPECT_EQ(r.layers[0].pad, (Padding{2, 1}));
  EXPECT_THROW(r.set("train.epochs"), InvalidArgument);
  EXPECT_THROW(r.set("layer.conv9.pad=2"), InvalidArgument);
  EXPECT_THROW(r.set("train.epochs=many"), InvalidArgument);
}

TEST(Recipe, MarksWhatDiffersFromThePreset) {
  const Recipe base = Recipe::preset("lenet");
  Recipe r = base;
  r.set("train.batch=32");
  EXPECT_NE(r.toml(&base).find("batch = 32  # preset: 64\n"), std::string::npos);
}

TEST(Recipe, EveryKeyIsDescribed) {
  EXPECT_GE(recipe_keys().size(), 40U);
  for (const RecipeKey& k : recipe_keys()) {
    EXPECT_FALSE(k.about.empty()) << k.section << " " << k.key;
    EXPECT_FALSE(k.fallback.empty()) << k.section << " " << k.key;
  }
}

TEST(Nearest, IsTheOneWithTheFewestEdits) {
  EXPECT_EQ(nearest("alexnet-fasion", preset_names()), "alexnet-fashion");
  EXPECT_EQ(nearest("lennet", preset_names()), "lenet");
}

}  // namespace
}  // namespace fovea
