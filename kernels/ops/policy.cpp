#include <fovea/kernels/ops/policy.h>

#include <algorithm>

namespace fovea {
namespace {

EngineName parse_engine(std::string_view text) {
  const std::size_t colon = text.find(':');
  EngineName name{std::string(text.substr(0, colon)), ""};
  if (colon != std::string_view::npos) name.algorithm = text.substr(colon + 1);
  if (name.engine.empty()) {
    throw InvalidArgument("an engine list has an empty entry; write it as 'onednn,reference'");
  }
  return name;
}

}  // namespace

Policy Policy::defaults(const Device& device) {
  Policy p;
  if (device.kind() == DeviceKind::cpu) {
    p.engines = {{"simd", ""}, {"onednn", ""}, {"reference", ""}};
  } else {
    p.engines = {{"fovea", ""}};
  }
  return p;
}

const std::vector<EngineName>& Policy::for_layer(std::string_view layer) const {
  const auto found = std::find_if(layers.rbegin(), layers.rend(),
                                  [&](const LayerEngines& l) { return matches(l.pattern, layer); });
  return found == layers.rend() ? engines : found->engines;
}

std::vector<EngineName> parse_engines(std::string_view list) {
  std::vector<EngineName> names;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    names.push_back(parse_engine(list.substr(at, comma - at)));
    at = comma + 1;
  }
  return names;
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
