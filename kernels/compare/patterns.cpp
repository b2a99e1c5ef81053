// patterns.cpp - see patterns.h.
#include <fovea/kernels/compare/patterns.h>
#include <fovea/kernels/ops/policy.h>

#include <algorithm>

namespace fovea::compare {
namespace {

struct Pattern {
  std::string engine, algorithm = "*", variant;
};

// "fovea:direct_*:128x64"; a variant may hold colons.
Pattern parse(const std::string& text) {
  Pattern p;
  const std::size_t first = text.find(':');
  p.engine = text.substr(0, first);
  if (first == std::string::npos) return p;
  const std::size_t second = text.find(':', first + 1);
  p.algorithm = text.substr(first + 1, second == std::string::npos ? second : second - first - 1);
  if (second != std::string::npos) p.variant = text.substr(second + 1);
  return p;
}

bool hits(const Pattern& p, std::string_view engine, std::string_view algorithm) {
  return matches(p.engine, engine) && matches(p.algorithm, algorithm);
}

// Quoted for a POSIX shell.
std::string shell_quoted(const std::string& word) { return "'" + word + "'"; }

}  // namespace

bool admits_algorithm(const Options& o, std::string_view engine, std::string_view algorithm) {
  const auto hit = [&](const std::string& text) { return hits(parse(text), engine, algorithm); };
  const bool by_name = std::ranges::any_of(
      o.algorithms, [&](const std::string& text) { return parse(text).engine == engine; });
  if (engine == "reference" && !by_name) return false;
  return std::ranges::any_of(o.algorithms, hit) && std::ranges::none_of(o.skipped, hit);
}

std::vector<Variant> admitted(const Options& o, std::string_view engine, std::string_view algorithm,
                              std::vector<Variant> all) {
  std::vector<Variant> named;
  bool any = false;
  for (const std::string& text : o.algorithms) {
    const Pattern p = parse(text);
    if (p.variant.empty() || !hits(p, engine, algorithm)) continue;
    any = true;
    for (const Variant& v : all) {
      if (matches(p.variant, v) && std::ranges::find(named, v) == named.end()) named.push_back(v);
    }
  }
  if (any) return named;
  const int most = o.variants == 0 && o.device.kind() != DeviceKind::cuda ? 1 : o.variants;
  if (most > 0 && all.size() > static_cast<std::size_t>(most)) {
    all.resize(static_cast<std::size_t>(most));
  }
  return all;
}

std::string reproduce(const Options& o, const Row& row) {
  std::string algorithm = row.engine + ":" + row.algorithm;
  if (!row.variant.empty()) algorithm += ":" + row.variant;
  std::string command = o.program + " compare --device " + row.device + " --problem " +
                        shell_quoted(row.problem) + " --pass " + std::string(name_of(row.pass)) +
                        " --math " + std::string(name_of(row.math)) + " --algo " +
                        shell_quoted(algorithm) + " --seed " + std::to_string(o.seed);
  if (!o.limits.deterministic) command += " --nondeterministic";
  if (o.limits.workspace_bytes != Limits{}.workspace_bytes) {
    command += " --workspace " + std::to_string(o.limits.workspace_bytes);
  }
  return command;
}

}  // namespace fovea::compare
