// engine_config.h - cuDNN's engine configurations: who could run a graph, as cuDNN's heuristics
// rank them. A configuration is a variant: "eng31 k2=4 k12=0", the engine's number in cuDNN and
// its knobs by number, which mean the same within one version of cuDNN.
#pragma once

#include <fovea/kernels/cudnn/descriptor.h>
#include <fovea/kernels/ops/algorithm.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea::cudnn {

struct EngineConfig {
  std::int64_t engine = 0;
  std::vector<std::pair<int, std::int64_t>> knobs;  // type and value, by type

  friend bool operator==(const EngineConfig&, const EngineConfig&) = default;
};
/// "eng31 k2=4 k12=0"
Variant to_string(const EngineConfig& c);
/// The inverse. Throws InvalidArgument.
EngineConfig parse_engine_config(std::string_view text);

/// What cuDNN says of an engine's arithmetic.
using NumericalNotes = std::vector<cudnnBackendNumericalNote_t>;

/// Whether an engine with these notes computes as `math` asks: fp32 excludes tensor cores and
/// rounded operands, every mode excludes sums in less than fp32, `deterministic` excludes sums in
/// no fixed order. Else the reason.
Verdict admits(const NumericalNotes& notes, Math math, bool deterministic);

/// Whether it computes by a transform, Winograd's or Fourier's, whose errors are not those of a
/// plain sum.
bool transforms(const NumericalNotes& notes);

/// A configuration that heuristics proposed for a graph.
struct Candidate {
  EngineConfig config;
  NumericalNotes notes;
  std::size_t workspace_bytes = 0;
};

/// What heuristics A, B and fallback propose for `graph`, best guess first, each once.
std::vector<Candidate> propose(const CudnnApi& api, const Descriptor& graph);

/// A configuration of a graph made ready to run.
struct ExecutionPlan {
  std::vector<Descriptor> parts;  // the plan refers to them
  Descriptor descriptor;
  NumericalNotes notes;
  std::size_t workspace_bytes = 0;
};

/// Seconds where cuDNN compiles the engine now. Throws Unsupported where cuDNN cannot.
ExecutionPlan execution_plan(const CudnnApi& api, cudnnHandle_t handle, const Descriptor& graph,
                             const EngineConfig& config);

}  // namespace fovea::cudnn
