#include <fovea/cli/plan_text.h>
#include <fovea/cli/text.h>
#include <fovea/cli/version.h>
#include <fovea/kernels/compare/suite.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

namespace fovea::cli {
namespace {

std::string algorithm_of(const PlanRow& r) {
  std::string algorithm = r.choice.algorithm;
  if (!r.choice.variant.empty()) algorithm += " " + r.choice.variant;
  if (!r.choice.checker.empty()) algorithm += ", checked by " + r.choice.checker;
  return algorithm;
}

// The layer's name without what marks its backward ops.
std::string layer_of(const PlanRow& r) {
  return r.layer.substr(0, r.layer.find_last_not_of('\'') + 1);
}

// Lists that may choose otherwise in each layer.
bool says_by_layer(const Policy& policy) {
  const auto chooses = [](const EngineName& e) { return is_word(e.engine) || !e.checker.empty(); };
  return !policy.layers.empty() || std::ranges::any_of(policy.engines, chooses);
}

// Whether some op is computed by two engines, so that a line for each engine does not say where.
bool is_mixed(const Plan& plan) {
  std::map<std::string, std::string> engine_of;
  return std::ranges::any_of(plan.rows(), [&](const PlanRow& r) {
    const auto [known, first] = engine_of.emplace(r.kind, r.choice.engine);
    return !first && known->second != r.choice.engine;
  });
}

std::string op_text(const std::string& op, Pass pass, const std::string& engine,
                    const std::string& algorithm) {
  return op + " " + std::string(name_of(pass)) + " " + engine + ":" + algorithm;
}

std::string lets_in(const std::set<std::string>& ops, const std::string& why_nothing) {
  std::string text;
  for (const std::string& op : ops) text += (text.empty() ? "" : ", ") + op;
  return "--nondeterministic lets in " + (text.empty() ? "nothing here: " + why_nothing : text);
}

}  // namespace

std::string ops_table(const Plan& plan) {
  Table table({"layer", "op", "engine", "algorithm", "problem", "why"}, 6);
  for (const PlanRow& r : plan.rows()) {
    table.add({r.layer, r.kind + " " + std::string(name_of(r.pass)), r.choice.engine,
               algorithm_of(r), r.problem, r.choice.why});
  }
  return table.text();
}

std::string layers_table(const Plan& plan) {
  constexpr std::size_t kPasses = 3;
  std::vector<std::string> layers;
  std::map<std::string, std::array<std::string, kPasses>> cells;
  for (const PlanRow& r : plan.rows()) {
    const std::string layer = layer_of(r);
    if (!cells.contains(layer)) layers.push_back(layer);
    std::string& cell = cells[layer][static_cast<std::size_t>(r.pass)];
    const std::string text = r.choice.engine + ":" + algorithm_of(r);
    if (cell.find(text) == std::string::npos) cell += (cell.empty() ? "" : "; ") + text;
  }
  Table table({"layer", "forward", "dgrad", "wgrad"}, 1 + kPasses);
  for (const std::string& layer : layers) {
    const auto& [forward, dgrad, wgrad] = cells[layer];
    table.add({layer, forward, dgrad, wgrad});
  }
  return table.text();
}

std::string who_computes(const Plan& plan, const Policy& policy) {
  std::string text = "engine   " + engines_line(plan);
  if (!says_by_layer(policy) && !is_mixed(plan)) return text;
  for (const std::string& line : split(layers_table(plan), '\n')) {
    text += "\n         " + line;
  }
  return text;
}

std::string engines_line(const Plan& plan) {
  std::map<std::string, std::set<std::string>> ops;
  std::vector<std::string> order;
  for (const PlanRow& row : plan.rows()) {
    if (!ops.contains(row.choice.engine)) order.push_back(row.choice.engine);
    ops[row.choice.engine].insert(row.kind);
  }
  std::string line;
  for (const std::string& engine : order) {
    const std::string version = engine_version(engine);
    line += (line.empty() ? "" : "; ") + engine + (version.empty() ? "" : " " + version) + " for: ";
    bool first = true;
    for (const std::string& op : ops[engine]) {
      line += (first ? "" : ", ") + op;
      first = false;
    }
  }
  return line;
}

std::string what_nondeterministic_lets_in(const Plan& plan) {
  std::set<std::string> ops;
  for (const PlanRow& r : plan.rows()) {
    if (r.deterministic) continue;
    ops.insert(op_text(r.kind, r.pass, r.choice.engine, r.choice.algorithm));
  }
  return lets_in(ops, "every algorithm chosen repeats its bits");
}

std::string what_nondeterministic_lets_in(const std::vector<compare::Row>& rows) {
  std::set<std::string> ops;
  for (const compare::Row& r : rows) {
    if (r.deterministic || r.status == compare::Status::declined) continue;
    ops.insert(op_text(compare::parse_problem(r.problem).op, r.pass, r.engine, r.algorithm));
  }
  return lets_in(ops, "every algorithm that ran repeats its bits");
}

}  // namespace fovea::cli
