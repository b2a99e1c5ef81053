// plan_text.h - who computes, as text: of a whole plan, by layer and in one line. Internal to cli/.
#pragma once

#include <fovea/kernels/compare/row.h>
#include <fovea/kernels/ops/policy.h>
#include <fovea/layers/plan.h>

#include <string>
#include <vector>

namespace fovea::cli {

/// One line an op: layer, op and pass, engine, algorithm with its variant, problem, why.
std::string ops_table(const Plan& plan);
/// One line a layer: what computes it forward, and its gradients of inputs and of weights.
std::string layers_table(const Plan& plan);
/// "simd for: input, sgd; onednn 2.6.3 for: conv, gemm".
std::string engines_line(const Plan& plan);
/// For the head of what a command prints, without a newline at the end: "engine   " with the line
/// above; below it the layers, where the policy's lists may choose otherwise in each (lists for
/// layers, words, check:) or two engines compute the same op.
std::string who_computes(const Plan& plan, const Policy& policy);
/// "--nondeterministic lets in conv wgrad cudnn:graph": what was chosen whose bits may differ from
/// run to run, each once; or that there is nothing.
std::string what_nondeterministic_lets_in(const Plan& plan);
/// The same of what a comparison ran.
std::string what_nondeterministic_lets_in(const std::vector<compare::Row>& rows);

}  // namespace fovea::cli
