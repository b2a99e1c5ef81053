// plan_text.h - who computes, as text: of a whole plan and in one line. Internal to cli/.
#pragma once

#include <fovea/layers/plan.h>

#include <string>

namespace fovea::cli {

/// One line an op: layer, op and pass, engine, algorithm with its variant, problem, why.
std::string ops_table(const Plan& plan);
/// "simd for: input, sgd; onednn 2.6.3 for: conv, gemm".
std::string engines_line(const Plan& plan);
/// "--nondeterministic lets in conv wgrad cudnn:graph": what was chosen whose bits may differ from
/// run to run, each once; or that there is nothing.
std::string what_nondeterministic_lets_in(const Plan& plan);

}  // namespace fovea::cli
