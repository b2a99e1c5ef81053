#include <fovea/cli/options.h>
#include <fovea/core/error.h>

namespace fovea::cli {

Math Common::math_mode() const {
  for (const Math m : {Math::fp32, Math::tf32, Math::bf16}) {
    if (math == name_of(m)) return m;
  }
  throw InvalidArgument("--math " + math + " is unknown; it is fp32, tf32 or bf16");
}

Policy Common::policy(const Device& d) const {
  Policy p = Policy::defaults(d);
  if (!engines.empty()) p.engines = parse_engines(engines);
  for (const std::string& text : engines_for) p.layers.push_back(parse_layer_engines(text));
  p.limits.deterministic = !nondeterministic;
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
