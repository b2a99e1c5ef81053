// plan_text.h - who computes, as text: of a whole plan and in one line. Internal to cli/.
#pragma once

#include <fovea/layers/plan.h>

#include <string>

namespace fovea::cli {

/// One line an op: layer, op, engine, algorithm, problem.
std::string ops_table(const Plan& plan);
/// "simd for: input, sgd; onednn 2.6.3 for: conv, gemm".
std::string engines_line(const Plan& plan);
/// Algorithms whose bits may differ from run to run, each once: "conv wgrad cudnn:atomic"; empty
/// where there is none.
std::string nondeterministic_ops(const Plan& plan);

}  // namespace fovea::cli
