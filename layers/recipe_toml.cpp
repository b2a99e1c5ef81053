// recipe_toml.cpp - a recipe from and to TOML, by the tables of recipe_fields.h.
#include <fovea/core/error.h>
#include <fovea/layers/recipe_fields.h>

#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <sstream>

namespace fovea {
namespace {

using detail::Field;

// Line and source of a TOML node, for messages.
std::string place(const toml::node& node, const std::string& where) {
  return where + ", line " + std::to_string(node.source().begin.line);
}

// A node as the text that assign() reads.
std::string node_text(const toml::node& node, const std::string& at) {
  if (const auto v = node.value_exact<std::string>()) return *v;
  if (const auto v = node.value_exact<std::int64_t>()) return std::to_string(*v);
  if (const auto v = node.value_exact<bool>()) return *v ? "true" : "false";
  if (const auto v = node.value_exact<double>()) {
    std::ostringstream text;
    text.imbue(std::locale::classic());
    text.precision(9);
    text << *v;
    return text.str();
  }
  const toml::array* pair = node.as_array();
  if (pair != nullptr && pair->size() == 2) {
    const auto a = (*pair)[0].value_exact<std::int64_t>();
    const auto b = (*pair)[1].value_exact<std::int64_t>();
    if (a && b) return std::to_string(*a) + ":" + std::to_string(*b);
  }
  throw InvalidArgument(at + ": a number, a text, true, false or [before, after] is expected here");
}

[[noreturn]] void refuse_key(const std::string& at, const std::string& key, std::string section,
                             const std::vector<std::string>& known) {
  throw InvalidArgument(at + ": " + section + " has no key '" + key + "'; the nearest is '" +
                        nearest(key, known) + "'");
}

// Reads all keys of a table but those in `others`, which the caller reads itself.
template <class T, class Takes>
void read(T& record, std::span<const Field<T>> fields, const toml::table& table,
          const std::string& section, const std::string& where,
          const std::vector<std::string>& others, Takes admitted) {
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (std::ranges::find(others, name) != others.end()) continue;
    const auto field = std::ranges::find_if(
        fields, [&](const Field<T>& f) { return f.key == name && admitted(f); });
    if (field == fields.end()) {
      std::vector<std::string> known = others;
      for (const Field<T>& f : fields) {
        if (admitted(f)) known.emplace_back(f.key);
      }
      refuse_key(place(node, where), name, section, known);
    }
    const std::string at = place(node, where);
    detail::assign(record, *field, node_text(node, at), at);
  }
}

constexpr auto kAll = [](const auto&) { return true; };

LayerRecipe read_layer(const toml::table& table, const std::string& where) {
  LayerRecipe layer;
  const std::string at = place(table, where);
  layer.type = table["type"].value_or(std::string());
  const auto types = detail::layer_types();
  if (std::ranges::find(types, layer.type) == types.end()) {
    throw InvalidArgument(at + ": [[layer]] needs a type; '" + layer.type +
                          "' is none, the nearest is '" +
                          nearest(layer.type, {types.begin(), types.end()}) + "'");
  }
  read(layer, detail::layer_fields(), table, "a layer of type " + layer.type, where, {"type"},
       [&](const Field<LayerRecipe>& f) { return detail::takes(layer.type, f); });
  return layer;
}

// The array of tables under `key`; an empty one where it is missing.
std::vector<const toml::table*> tables(const toml::table& parent, const char* key,
                                       const std::string& where) {
  std::vector<const toml::table*> list;
  const toml::node* node = parent.get(key);
  if (node == nullptr) return list;
  const toml::array* array = node->as_array();
  if (array != nullptr) {
    for (const toml::node& item : *array) {
      if (item.as_table() != nullptr) list.push_back(item.as_table());
    }
  }
  if (array == nullptr || list.size() != array->size()) {
    throw InvalidArgument(place(*node, where) + ": write [[" + std::string(key) +
                          "]], once for each");
  }
  return list;
}

// Layers without a name get type and number: "relu3" is the third relu.
void name_layers(std::vector<LayerRecipe>& layers) {
  std::map<std::string, int> count;
  for (LayerRecipe& l : layers) {
    const int number = ++count[l.type];
    if (l.name.empty()) l.name = l.type + std::to_string(number);
  }
}

template <class T, class Takes>
void write(std::string& out, const T& record, std::span<const Field<T>> fields, const T* base,
           Takes admitted) {
  for (const Field<T>& f : fields) {
    if (!admitted(f)) continue;
    const std::string value = detail::toml_value(record, f);
    out += std::string(f.key) + " = " + value;
    if (base != nullptr && detail::toml_value(*base, f) != value) {
      out += "  # preset: " + detail::toml_value(*base, f);
    }
    out += '\n';
  }
}

const LayerRecipe* find_layer(const Recipe* recipe, const std::string& name) {
  if (recipe == nullptr) return nullptr;
  const auto found = std::ranges::find(recipe->layers, name, &LayerRecipe::name);
  return found == recipe->layers.end() ? nullptr : &*found;
}

}  // namespace

Recipe Recipe::parse(std::string_view text, const std::string& where) {
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& e) {
    throw InvalidArgument(where + ", line " + std::to_string(e.source().begin.line) + ": " +
                          std::string(e.description()));
  }
  Recipe recipe;
  const std::vector<std::string> known = {"name", "about", "input", "train", "layer"};
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (std::ranges::find(known, name) == known.end()) {
      refuse_key(place(node, where), name, "a recipe", known);
    }
  }
  recipe.name = table["name"].value_or(where);
  recipe.about = table["about"].value_or(std::string());
  if (const toml::table* input = table["input"].as_table()) {
    read(recipe.input, detail::input_fields(), *input, "[input]", where, {}, kAll);
  }
  if (const toml::table* train = table["train"].as_table()) {
    read(recipe.train, detail::train_fields(), *train, "[train]", where, {"step"}, kAll);
    for (const toml::table* step : tables(*train, "step", where)) {
      read(recipe.train.steps.emplace_back(), detail::step_fields(), *step, "[[train.step]]", where,
           {}, kAll);
    }
  }
  for (const toml::table* layer : tables(table, "layer", where)) {
    recipe.layers.push_back(read_layer(*layer, where));
  }
  name_layers(recipe.layers);
  return recipe;
}

Recipe Recipe::load(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw InvalidArgument("recipe " + path + " cannot be read: check the path");
  std::ostringstream text;
  text << file.rdbuf();
  return parse(text.str(), path);
}

std::string Recipe::toml(const Recipe* base) const {
  std::string out = "name = \"" + name + "\"\n";
  if (!about.empty()) out += "about = \"" + about + "\"\n";
  out += "\n[input]\n";
  write(out, input, detail::input_fields(), base ? &base->input : nullptr, kAll);
  out += "\n[train]\n";
  write(out, train, detail::train_fields(), base ? &base->train : nullptr, kAll);
  for (const RateStep& step : train.steps) {
    out += "\n[[train.step]]\n";
    write(out, step, detail::step_fields(), static_cast<const RateStep*>(nullptr), kAll);
  }
  for (const LayerRecipe& layer : layers) {
    out += "\n[[layer]]\ntype = \"" + layer.type + "\"\n";
    write(out, layer, detail::layer_fields(), find_layer(base, layer.name),
          [&](const Field<LayerRecipe>& f) { return detail::takes(layer.type, f); });
  }
  return out;
}

namespace {

template <class T>
void set_field(T& record, std::span<const Field<T>> fields, const std::string& key,
               std::string_view value, const std::string& section) {
  std::vector<std::string> known;
  for (const Field<T>& f : fields) {
    if (f.key == key) return detail::assign(record, f, value, "--set " + section + "." + key);
    known.emplace_back(f.key);
  }
  refuse_key("--set", key, section, known);
}

}  // namespace

void Recipe::set(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string path(assignment.substr(0, equals));
  const std::size_t dot = path.rfind('.');
  if (equals == std::string_view::npos || dot == std::string::npos) {
    throw InvalidArgument("--set " + std::string(assignment) +
                          ": write SECTION.KEY=VALUE, as in train.epochs=3");
  }
  const std::string section = path.substr(0, dot);
  const std::string key = path.substr(dot + 1);
  const std::string_view value = assignment.substr(equals + 1);
  if (section == "input") return set_field(input, detail::input_fields(), key, value, section);
  if (section == "train") return set_field(train, detail::train_fields(), key, value, section);
  if (section.starts_with("layer.")) {
    for (LayerRecipe& l : layers) {
      if (l.name == section.substr(6)) {
        return set_field(l, detail::layer_fields(), key, value, section);
      }
    }
  }
  std::vector<std::string> known = {"input", "train"};
  for (const LayerRecipe& l : layers) known.push_back("layer." + l.name);
  throw InvalidArgument("--set " + path + ": there is no section '" + section +
                        "'; the nearest is '" + nearest(section, known) + "'");
}

std::vector<RecipeKey> recipe_keys() {
  std::vector<RecipeKey> keys;
  const auto list = [&]<class T>(const std::string& section, std::span<const Field<T>> fields,
                                 const T& fallback) {
    for (const Field<T>& f : fields) {
      keys.push_back({section, std::string(f.key), std::string(f.types),
                      detail::toml_value(fallback, f), std::string(f.about)});
    }
  };
  list("[input]", detail::input_fields(), InputRecipe{});
  list("[train]", detail::train_fields(), TrainRecipe{});
  list("[[train.step]]", detail::step_fields(), RateStep{});
  list("[[layer]]", detail::layer_fields(), LayerRecipe{});
  return keys;
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  // Levenshtein's distance, one row at a time.
  const auto distance = [](std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < a.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < b.size(); ++j) {
        const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({change, row[j] + 1, diagonal + 1});
      }
    }
    return row.back();
  };
  std::string best;
  for (const std::string& k : known) {
    if (best.empty() || distance(word, k) < distance(word, best)) best = k;
  }
  return best;
}

}  // namespace fovea
