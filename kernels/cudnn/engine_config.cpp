#include <fovea/core/error.h>
#include <fovea/kernels/cudnn/engine_config.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace fovea::cudnn {
namespace {

template <class Number>
bool parse_number(std::string_view& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool skip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool has(const NumericalNotes& notes, cudnnBackendNumericalNote_t note) {
  return std::ranges::find(notes, note) != notes.end();
}

NumericalNotes notes_of(const Descriptor& engine) {
  return engine.get_all<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
                                                     CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
}

Candidate candidate_of(const Descriptor& config) {
  Candidate c;
  c.workspace_bytes =
      static_cast<std::size_t>(config.get<std::int64_t>(CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE));
  for (const Descriptor& engine :
       config.get_descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1)) {
    c.config.engine = engine.get<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
    c.notes = notes_of(engine);
  }
  for (const Descriptor& knob :
       config.get_descriptors(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES,
                              CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_KNOB_TYPE_COUNTS)) {
    c.config.knobs.emplace_back(
        static_cast<int>(knob.get<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE)),
        knob.get<std::int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
  }
  std::ranges::sort(c.config.knobs);
  return c;
}

std::vector<Descriptor> knob_choices(const CudnnApi& api, const EngineConfig& config) {
  std::vector<Descriptor> knobs;
  for (const auto& [type, value] : config.knobs) {
    knobs.emplace_back(api, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR)
        .set(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, static_cast<cudnnBackendKnobType_t>(type))
        .set(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, value)
        .finalize();
  }
  return knobs;
}

std::vector<Descriptor> heuristic_results(const CudnnApi& api, const Descriptor& graph,
                                          cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(api, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, mode)
      .finalize();
  const std::int64_t count = heuristics.count_descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS);
  return heuristics.get_descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                    CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, count);
}

}  // namespace

Variant to_string(const EngineConfig& c) {
  std::string text = "eng" + std::to_string(c.engine);
  for (const auto& [type, value] : c.knobs) {
    text += " k" + std::to_string(type) + "=" + std::to_string(value);
  }
  return text;
}

EngineConfig parse_engine_config(std::string_view text) {
  EngineConfig c;
  std::string_view rest = text;
  bool good = skip(rest, "eng") && parse_number(rest, c.engine) && c.engine >= 0;
  while (good && !rest.empty()) {
    int type = 0;
    std::int64_t value = 0;
    good = skip(rest, " k") && parse_number(rest, type) && skip(rest, "=") &&
           parse_number(rest, value);
    c.knobs.emplace_back(type, value);
  }
  if (!good) {
    throw InvalidArgument("'" + std::string(text) +
                          "' is no engine configuration of cuDNN; an example: 'eng31 k2=4 k12=0'");
  }
  std::ranges::sort(c.knobs);
  return c;
}

Verdict admits(const NumericalNotes& notes, Math math, bool deterministic) {
  if (deterministic && has(notes, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC)) {
    return Verdict::no("sums in no fixed order");
  }
  if (has(notes, CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION)) {
    return Verdict::no("sums in less than fp32");
  }
  if (math == Math::fp32 && (has(notes, CUDNN_NUMERICAL_NOTE_TENSOR_CORE) ||
                             has(notes, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS))) {
    return Verdict::no("rounds fp32 operands to tf32");
  }
  return {};
}

bool transforms(const NumericalNotes& notes) {
  return has(notes, CUDNN_NUMERICAL_NOTE_FFT) || has(notes, CUDNN_NUMERICAL_NOTE_WINOGRAD) ||
         has(notes, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4) ||
         has(notes, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6) ||
         has(notes, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13);
}

std::vector<Candidate> propose(const CudnnApi& api, const Descriptor& graph) {
  std::vector<Candidate> all;
  std::string why_not;
  for (const cudnnBackendHeurMode_t mode :
       {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK}) {
    try {
      for (const Descriptor& config : heuristic_results(api, graph, mode)) {
        Candidate c = candidate_of(config);
        const auto same = [&](const Candidate& o) { return o.config == c.config; };
        if (std::ranges::none_of(all, same)) all.push_back(std::move(c));
      }
    } catch (const Unsupported& e) {  // a mode that knows no engine; another may
      why_not = e.what();
    }
  }
  if (all.empty() && !why_not.empty()) throw Unsupported(why_not);
  return all;
}

ExecutionPlan execution_plan(const CudnnApi& api, cudnnHandle_t handle, const Descriptor& graph,
                             const EngineConfig& config) {
  Descriptor engine(api, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  engine.set(CUDNN_ATTR_ENGINE_OPERATION_GRAPH, graph)
      .set(CUDNN_ATTR_ENGINE_GLOBAL_INDEX, config.engine)
      .finalize();
  std::vector<Descriptor> parts = knob_choices(api, config);
  std::vector<const Descriptor*> choices;
  for (const Descriptor& k : parts) choices.push_back(&k);
  Descriptor chosen(api, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  chosen.set(CUDNN_ATTR_ENGINECFG_ENGINE, engine);
  if (!choices.empty()) chosen.set(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, choices);
  chosen.finalize();
  Descriptor plan(api, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, handle)
      .set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, chosen)
      .finalize();
  const auto bytes = plan.get<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
  NumericalNotes notes = notes_of(engine);
  parts.push_back(std::move(engine));
  parts.push_back(std::move(chosen));
  return {std::move(parts), std::move(plan), std::move(notes), static_cast<std::size_t>(bytes)};
}

}  // namespace fovea::cudnn
