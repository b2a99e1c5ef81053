// config_doc_test.cpp - docs/config.md says what the table of keys says. FOVEA_UPDATE_DOCS=1 in the
// environment writes the page anew.
#include <fovea/layers/recipe.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace fovea {
namespace {

constexpr const char* kHead = R"(# Recipes: the keys

A recipe is a TOML file: `fovea presets NAME --toml` prints one, `fovea train --config FILE` takes it, and
`--set SECTION.KEY=VALUE` changes one value (`train.epochs=3`, `layer.conv1.filters=32`). Flags win over
`--set`, `--set` over the file. Every run keeps its recipe as resolved in `config.toml`.

At the top stand `name` and `about`. A key that no table has is refused, with its line and the nearest one.
This page is made from the table that parses recipes (tests/layers/config_doc_test.cpp).
)";

std::string page() {
  std::string text = kHead, section;
  for (const RecipeKey& k : recipe_keys()) {
    const bool layer = k.section == "[[layer]]";
    if (k.section != section) {
      section = k.section;
      text += "\n## `" + section + "`\n\n";
      if (layer) {
        text +=
            "`type` is one of `conv`, `linear`, `relu`, `tanh`, `maxpool`, `avgpool`, `lrn`,\n"
            "`dropout`, `add`; layers run in the order of the file.\n\n";
      }
      text += layer ? "| key | of | default | what |\n|---|---|---|---|\n"
                    : "| key | default | what |\n|---|---|---|\n";
    }
    text += "| `" + k.key + "` | ";
    if (layer) text += (k.type == "*" ? "all" : k.type) + " | ";
    text += "`" + k.fallback + "` | " + k.about + " |\n";
  }
  return text;
}

TEST(ConfigPage, SaysWhatTheTableSays) {
  const std::string path = std::string(FOVEA_SOURCE_DIR) + "/docs/config.md";
  if (std::getenv("FOVEA_UPDATE_DOCS") != nullptr) std::ofstream(path) << page();
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), page()) << "write it anew with FOVEA_UPDATE_DOCS=1 layers_test";
}

}  // namespace
}  // namespace fovea
