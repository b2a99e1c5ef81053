#include <fovea/core/error.h>
#include <fovea/core/thread_pool.h>
#include <fovea/train/host.h>
#include <fovea/train/run_options.h>

#include <charconv>
#include <set>

namespace fovea {
namespace {

using Text = std::map<std::string, std::string>;

std::string value_of(const Text& text, const std::string& key) {
  const auto found = text.find(key);
  return found == text.end() ? std::string() : found->second;
}

template <class Number>
Number number_of(const Text& text, const std::string& key, Number fallback) {
  const std::string value = value_of(text, key);
  if (value.empty()) return fallback;
  Number v{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), v);
  if (error != std::errc{} || end != value.data() + value.size()) {
    throw FormatError("checkpoint: option " + key + " = '" + value + "' is no number");
  }
  return v;
}

std::string real(double v) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof(text), v).ptr};
}

Math math_of(const std::string& name) {
  for (const Math m : {Math::fp32, Math::tf32, Math::bf16}) {
    if (name == name_of(m)) return m;
  }
  throw FormatError("checkpoint: '" + name + "' is no math mode");
}

}  // namespace

std::map<std::string, std::string> options_to_text(const RunOptions& o) {
  Text text;
  // Absolute, so that a resume from another folder finds it.
  text["data"] = std::filesystem::absolute(o.data).string();
  if (o.open.validation) text["validation"] = real(*o.open.validation);
  text["limit"] = std::to_string(o.open.limit);
  text["data_seed"] = std::to_string(o.open.seed);
  if (!o.open.labels.empty()) text["labels"] = std::filesystem::absolute(o.open.labels).string();
  text["overfit"] = std::to_string(o.overfit);
  text["device"] = to_string(o.trainer.device);
  text["math"] = name_of(o.trainer.math);
  text["engines"] = engines_text(o.trainer.policy.engines);
  for (std::size_t i = 0; i < o.trainer.policy.layers.size(); ++i) {
    const LayerEngines& l = o.trainer.policy.layers[i];
    text["engines_for." + std::to_string(i)] = l.pattern + "=" + engines_text(l.engines);
  }
  text["deterministic"] = o.trainer.policy.limits.deterministic ? "1" : "0";
  text["workspace"] = std::to_string(o.trainer.policy.limits.workspace_bytes);
  text["lanes"] = std::to_string(o.trainer.lanes);
  text["threads"] = std::to_string(ThreadPool::shared().threads());
  text["instructions"] = vector_instructions();
  text["stop_on_flat"] = o.trainer.stop_on_flat ? "1" : "0";
  return text;
}

RunOptions options_from_text(const Text& text, const Recipe& recipe) {
  RunOptions o{.recipe = recipe, .data = value_of(text, "data")};
  if (text.contains("validation")) o.open.validation = number_of(text, "validation", 0.0);
  o.open.limit = number_of<std::int64_t>(text, "limit", 0);
  o.open.seed = number_of<std::uint64_t>(text, "data_seed", 1);
  o.open.labels = value_of(text, "labels");
  o.open.shorter_side = recipe.input.resize;
  o.overfit = number_of<std::int64_t>(text, "overfit", 0);
  o.trainer.device = Device::parse(value_of(text, "device"));
  o.trainer.math = math_of(value_of(text, "math"));
  const std::string engines = value_of(text, "engines");
  if (!engines.empty()) o.trainer.policy.engines = parse_engines(engines);
  for (int i = 0; text.contains("engines_for." + std::to_string(i)); ++i) {
    o.trainer.policy.layers.push_back(
        parse_layer_engines(value_of(text, "engines_for." + std::to_string(i))));
  }
  o.trainer.policy.limits.deterministic = value_of(text, "deterministic") != "0";
  o.trainer.policy.limits.workspace_bytes =
      number_of(text, "workspace", o.trainer.policy.limits.workspace_bytes);
  o.trainer.lanes = number_of(text, "lanes", 1);
  o.trainer.stop_on_flat = value_of(text, "stop_on_flat") == "1";
  return o;
}

std::string choices_table(const Executor& executor) {
  std::string text = "layer\top\tpass\tproblem\tengine\talgorithm\tvariant\tchecked by\twhy\n";
  std::set<std::string> seen;  // plans share ops: the net's forward part
  for (const Plan* plan : executor.plans()) {
    for (const PlanRow& r : plan->rows()) {
      const std::string op =
          r.layer + "\t" + r.kind + "\t" + std::string(name_of(r.pass)) + "\t" + r.problem;
      if (!seen.insert(op).second) continue;
      const Choice& c = r.choice;
      text += op;
      for (const std::string& field : {c.engine, c.algorithm, c.variant, c.checker, c.why}) {
        text += "\t" + field;
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace fovea
