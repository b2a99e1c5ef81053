// presets_command.cpp - `fovea presets`: lists presets; shows one as layers or as TOML; compares
// two.
#include <fovea/cli/context.h>
#include <fovea/cli/inputs.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/layers/graph.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace fovea::cli {
namespace {

using Json = nlohmann::ordered_json;

void list(const CommandContext& c) {
  Json json = Json::array();
  Table table({"preset", "input", "parameters", "  what"}, 2, true);
  for (const std::string& name : preset_names()) {
    const Recipe r = Recipe::preset(name);
    std::int64_t parameters = 0;
    Graph g;
    const Value x = g.input("x", {1, r.input.height, r.input.width, r.input.channels}, DType::f32);
    static_cast<void>(r.net(assumed_classes(r))->record(g, x));
    for (const ParameterSpec& p : g.parameters()) parameters += p.shape.elements();
    table.add({name, format("%dx%dx%d", r.input.height, r.input.width, r.input.channels),
               thousands(parameters), "  " + r.about});
    json.push_back({{"preset", name},
                    {"input", {r.input.height, r.input.width, r.input.channels}},
                    {"classes", assumed_classes(r)},
                    {"parameters", parameters},
                    {"about", r.about}});
  }
  if (write_json(c, json.dump(1))) return;
  std::fputs(table.text().c_str(), stdout);
  c.progress("parameters are counted with 10 classes, at 224x224 with 1,000");
}

// Parameters and floating-point operations of what was recorded since the marks.
struct Counted {
  std::int64_t parameters = 0, flops = 0;
};

Counted count(const Graph& g, std::size_t first_node, std::size_t first_parameter) {
  Counted n;
  for (std::size_t i = first_node; i < g.nodes().size(); ++i) n.flops += g.nodes()[i].op->flops();
  for (std::size_t i = first_parameter; i < g.parameters().size(); ++i) {
    n.parameters += g.parameters()[i].shape.elements();
  }
  return n;
}

std::string extents(const Shape& s) {
  std::string text;
  for (int i = 1; i < s.rank(); ++i) text += (i > 1 ? "x" : "") + std::to_string(s[i]);
  return text;
}

void show(const CommandContext& c, const std::string& name) {
  const Recipe r = Recipe::preset(name);
  const int classes = assumed_classes(r);
  Graph g;
  Value x = g.input("x", {1, r.input.height, r.input.width, r.input.channels}, DType::f32);
  Table table({"layer", "what", "output", "parameters", "MFLOP forward"}, 2);
  Json layers = Json::array();
  table.add({"input", "", extents(x.shape()), "", ""});
  Counted all;
  const auto net = r.net(classes);  // outlives the loop over its layers
  for (const auto& layer : net->layers()) {
    const std::size_t nodes = g.nodes().size(), parameters = g.parameters().size();
    x = record_layer(g, *layer, x);
    const Counted n = count(g, nodes, parameters);
    all.parameters += n.parameters;
    all.flops += n.flops;
    table.add({layer->name(), layer->describe(), extents(x.shape()),
               n.parameters > 0 ? thousands(n.parameters) : "",
               n.flops > 0 ? format("%.2f", static_cast<double>(n.flops) / 1e6) : ""});
    layers.push_back({{"layer", layer->name()},
                      {"what", layer->describe()},
                      {"output", extents(x.shape())},
                      {"parameters", n.parameters},
                      {"flops", n.flops}});
  }
  table.add({"sum", "", "", thousands(all.parameters),
             format("%.2f", static_cast<double>(all.flops) / 1e6)});
  const Json json = {
      {"preset", r.name}, {"about", r.about}, {"classes", classes}, {"layers", layers}};
  if (write_json(c, json.dump(1))) return;
  c.print(r.name + ": " + r.about);
  std::fputs(table.text().c_str(), stdout);
  c.print(format(
      "SGD, batch %d, %d epochs, learning rate %g, momentum %g, weight decay %g; "
      "with %d classes",
      r.train.batch, r.train.epochs, static_cast<double>(r.train.learning_rate),
      static_cast<double>(r.train.momentum), static_cast<double>(r.train.weight_decay), classes));
}

std::vector<std::string> lines_of(const std::string& name) {
  std::istringstream text(Recipe::preset(name).toml());
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    // Keys stand below their section: a line says which it is by itself.
    lines.push_back(line);
  }
  return lines;
}

// "train.epochs": every value of a recipe by its full name.
std::vector<std::pair<std::string, std::string>> values_of(const std::string& name) {
  std::vector<std::pair<std::string, std::string>> values;
  std::string section;
  for (const std::string& line : lines_of(name)) {
    if (line.starts_with("[")) section = line.substr(0, line.find_last_of(']') + 1);
    const std::size_t equals = line.find(" = ");
    if (equals == std::string::npos) continue;
    const std::string key = line.substr(0, equals), value = line.substr(equals + 3);
    if (section == "[[layer]]" && key == "name") section = "layer." + value;
    values.emplace_back(section.empty() ? key : section + " " + key, value);
  }
  return values;
}

void diff(const CommandContext& c, const std::string& a, const std::string& b) {
  Table table({"key", a, b}, 3);
  const auto left = values_of(a), right = values_of(b);
  Json json = Json::array();
  const auto add = [&](const std::string& key, const std::string& x, const std::string& y) {
    table.add({key, x, y});
    json.push_back({{"key", key}, {a, x}, {b, y}});
  };
  const auto value = [](const auto& values, const std::string& key) -> std::string {
    for (const auto& [k, v] : values) {
      if (k == key) return v;
    }
    return "-";
  };
  for (const auto& [key, v] : left) {
    const std::string other = value(right, key);
    if (other != v) add(key, v, other);
  }
  for (const auto& [key, v] : right) {
    if (value(left, key) == "-") add(key, "-", v);
  }
  if (!write_json(c, json.dump(1))) std::fputs(table.text().c_str(), stdout);
}

}  // namespace

int run_presets(const CommandContext& c, const PresetsCommand& o) {
  if (!o.diff.empty()) {
    diff(c, o.diff.at(0), o.diff.at(1));
  } else if (o.name.empty()) {
    list(c);
  } else if (o.toml) {
    std::fputs(std::string(preset_toml(o.name)).c_str(), stdout);
  } else {
    show(c, o.name);
  }
  return 0;
}

}  // namespace fovea::cli
