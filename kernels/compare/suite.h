// suite.h - which problems are compared: built-in suites, files with one problem a line, text.
#pragma once

#include <fovea/core/api.h>
#include <fovea/kernels/ops/algorithm.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::compare {

/// One problem of an op that a comparison knows.
struct SuiteProblem {
  std::string op;    // "conv"
  std::string text;  // "n128c3h227k96r11u4": printed form, with the epilogues of all passes
  std::string name;  // of the layer; may be empty
};

/// "conv:n1c3h9k8r3", with "conv:" left out for a convolution. Throws InvalidArgument, with a caret
/// under what is not understood.
FOVEA_API SuiteProblem parse_problem(std::string_view text);
/// The printed form; `canonical`: with every field.
FOVEA_API std::string print_problem(const SuiteProblem& p, bool canonical = false);
/// The ops that a comparison knows.
FOVEA_API std::vector<std::string> op_names();
/// The same for another batch (gemm and bias: rows); problems on elements alone stay as they are.
FOVEA_API SuiteProblem with_batch(const SuiteProblem& p, int n);
/// What a device that affords little checks in its place. A gemm of more than `weights` (n k): the
/// longer of n and k is halved until it has no more. A problem on elements alone: at most
/// `elements`, a multiple of kParameterAlignment. All others as they are.
FOVEA_API SuiteProblem reduced(const SuiteProblem& p, std::int64_t weights, std::int64_t elements);
/// 0 where it has none.
FOVEA_API int batch_of(const SuiteProblem& p);
/// With the epilogues of this pass alone.
FOVEA_API SuiteProblem problem_of_pass(const SuiteProblem& p, Pass pass);
/// Passes that the op has.
FOVEA_API std::vector<Pass> passes_of(const SuiteProblem& p);

/// One problem a line, # comments, an optional "name" behind it. Throws InvalidArgument with the
/// line's number.
FOVEA_API std::vector<SuiteProblem> parse_suite(std::string_view text, const std::string& where);
/// Built in: alexnet-2012, alexnet-torchvision, lenet, vgg16, resnet50.
FOVEA_API std::vector<std::string> suite_names();
/// A built-in suite, or a file. Throws InvalidArgument where there is neither.
FOVEA_API std::vector<SuiteProblem> load_suite(const std::string& name_or_file);

}  // namespace fovea::compare
