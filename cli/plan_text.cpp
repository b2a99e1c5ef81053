#include <fovea/cli/plan_text.h>
#include <fovea/cli/text.h>
#include <fovea/cli/version.h>

#include <map>
#include <set>
#include <vector>

namespace fovea::cli {

std::string ops_table(const Plan& plan) {
  Table table({"layer", "op", "engine", "algorithm", "problem", "why"}, 6);
  for (const PlanRow& r : plan.rows()) {
    std::string algorithm = r.choice.algorithm;
    if (!r.choice.variant.empty()) algorithm += " " + r.choice.variant;
    if (!r.choice.checker.empty()) algorithm += ", checked by " + r.choice.checker;
    table.add({r.layer, r.kind + " " + std::string(name_of(r.pass)), r.choice.engine, algorithm,
               r.problem, r.choice.why});
  }
  return table.text();
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
    ops.insert(r.kind + " " + std::string(name_of(r.pass)) + " " + r.choice.engine + ":" +
               r.choice.algorithm);
  }
  std::string text;
  for (const std::string& op : ops) text += (text.empty() ? "" : ", ") + op;
  if (text.empty()) text = "nothing here: every algorithm chosen repeats its bits";
  return "--nondeterministic lets in " + text;
}

}  // namespace fovea::cli
