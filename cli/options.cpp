#include <fovea/cli/options.h>
#include <fovea/cli/text.h>
#include <fovea/core/error.h>
#include <fovea/train/tuning_file.h>

namespace fovea::cli {

Math Common::math_mode() const {
  for (const Math m : {Math::fp32, Math::tf32, Math::bf16}) {
    if (math == name_of(m)) return m;
  }
  throw InvalidArgument("--math " + math + " is unknown; it is fp32, tf32 or bf16");
}

Limits Common::limits() const {
  Limits l{.deterministic = !nondeterministic};
  if (!workspace.empty()) l.workspace_bytes = parse_bytes("--workspace", workspace);
  return l;
}

Policy Common::lists(const Device& d) const {
  Policy p = Policy::defaults(d, math_mode());
  if (!engines.empty()) p.engines = parse_engines(engines);
  for (const std::string& text : engines_for) p.layers.push_back(parse_layer_engines(text));
  p.limits = limits();
  p.require_meaningful(d);
  return p;
}

Policy Common::policy(const Device& d) const {
  Policy p = lists(d);
  if (!p.names(kFastest)) return p;
  if (!tuner) tuner = file_tuner(tuning);
  p.tuner = tuner;
  return p;
}

Recipe RecipeChoice::base() const {
  if (preset.empty() == config.empty()) {
    throw InvalidArgument(
        "say which net: --preset NAME (fovea presets lists them) or --config FILE");
  }
  return preset.empty() ? Recipe::load(config) : Recipe::preset(preset);
}

Recipe RecipeChoice::resolve() const {
  Recipe r = base();
  for (const std::string& s : set) r.set(s);
  if (epochs) r.train.epochs = *epochs;
  if (batch) r.train.batch = *batch;
  if (learning_rate) r.train.learning_rate = *learning_rate;
  return r;
}

}  // namespace fovea::cli
