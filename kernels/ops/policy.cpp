#include <fovea/kernels/ops/policy.h>

#include <algorithm>

namespace fovea {
namespace {

constexpr std::string_view kCheck = "check:";

EngineName parse_engine(std::string_view text) {
  const std::size_t colon = text.find(':');
  EngineName name{std::string(text.substr(0, colon)), ""};
  if (colon != std::string_view::npos) name.algorithm = text.substr(colon + 1);
  if (name.engine.empty()) {
    throw InvalidArgument("an engine list has an empty entry; write it as 'onednn,reference'");
  }
  if (is_word(name.engine) && !name.algorithm.empty()) {
    throw InvalidArgument("engine word '" + name.engine + "' stands alone: it looks among all of " +
                          "engines and algorithms, so ':" + name.algorithm + "' says nothing");
  }
  return name;
}

// The entry that `list` begins with; takes it, and the comma behind it, off the list.
EngineName take_entry(std::string_view& list) {
  const auto take = [&] {
    const std::size_t comma = list.find(',');
    const std::string_view entry = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    return entry;
  };
  if (!list.starts_with(kCheck)) return parse_engine(take());
  list.remove_prefix(kCheck.size());
  const bool two = list.find(',') != std::string_view::npos;
  if (!two) throw InvalidArgument("check: names two engines, as in check:onednn,reference");
  EngineName name = parse_engine(take());
  const EngineName checker = parse_engine(take());
  name.checker = checker.engine;
  name.checker_algorithm = checker.algorithm;
  return name;
}

std::string named(const std::string& engine, const std::string& algorithm) {
  return algorithm.empty() ? engine : engine + ":" + algorithm;
}

bool has(const std::vector<EngineName>& engines, std::string_view word) {
  return std::ranges::any_of(
      engines, [&](const EngineName& e) { return e.engine == word || e.checker == word; });
}

}  // namespace

Policy Policy::defaults(const Device& device, Math math) {
  Policy p;
  if (device.kind() == DeviceKind::cpu) {
    p.engines = {{"simd", ""}, {"onednn", ""}};
    if (math != Math::bf16) p.engines.push_back({std::string(kReference), ""});
  } else {
    p.engines = {{"fovea", ""}};
  }
  return p;
}

const std::vector<EngineName>& Policy::for_layer(std::string_view layer) const {
  while (layer.ends_with('\'')) layer.remove_suffix(1);
  const auto found = std::find_if(layers.rbegin(), layers.rend(),
                                  [&](const LayerEngines& l) { return matches(l.pattern, layer); });
  return found == layers.rend() ? engines : found->engines;
}

bool Policy::names(std::string_view word) const {
  return has(engines, word) ||
         std::ranges::any_of(layers, [&](const LayerEngines& l) { return has(l.engines, word); });
}

void Policy::require_meaningful(const Device& device) const {
  if (device.kind() != DeviceKind::emulated || !names(kFastest)) return;
  throw Unsupported(
      "engine word 'fastest': on emulated no time is a speed; name engines, or take 'smallest'");
}

std::vector<EngineName> parse_engines(std::string_view list) {
  std::vector<EngineName> names;
  const bool ends_with_comma = list.ends_with(',');
  do {
    names.push_back(take_entry(list));
  } while (!list.empty());
  if (ends_with_comma) parse_engine("");
  return names;
}

std::string engines_text(const std::vector<EngineName>& engines) {
  std::string text;
  for (const EngineName& e : engines) {
    text += text.empty() ? "" : ",";
    if (!e.checker.empty()) text += "check:";
    text += named(e.engine, e.algorithm);
    if (!e.checker.empty()) text += "," + named(e.checker, e.checker_algorithm);
  }
  return text;
}

LayerEngines parse_layer_engines(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw InvalidArgument("'" + std::string(text) +
                          "' is not LAYER=ENGINES; an example: " + "'conv*=reference'");
  }
  return {std::string(text.substr(0, equals)), parse_engines(text.substr(equals + 1))};
}

bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern.front() == '*') {
    return matches(pattern.substr(1), name) || (!name.empty() && matches(pattern, name.substr(1)));
  }
  return !name.empty() && pattern.front() == name.front() &&
         matches(pattern.substr(1), name.substr(1));
}

}  // namespace fovea
