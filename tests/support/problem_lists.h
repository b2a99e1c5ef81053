// problem_lists.h - the problems on which every algorithm of an op is tested, by list: `alexnet`,
// `edge` and, of convolutions of many images, `images` from tests/problems/*.txt, `random` from a
// seed.
#pragma once

#include <fovea/kernels/ops/registry.h>

#include <string>
#include <vector>

namespace fovea::test {

inline const std::vector<std::string> kLists = {"alexnet", "edge", "random", "images"};

// The problems of a list, with the epilogues of the pass; none where the op has no such list.
void append(const std::string& list, Pass pass, std::vector<ConvProblem>& to);
void append(const std::string& list, Pass pass, std::vector<LinearProblem>& to);
void append(const std::string& list, Pass pass, std::vector<PoolProblem>& to);
void append(const std::string& list, Pass pass, std::vector<LrnProblem>& to);
void append(const std::string& list, Pass pass, std::vector<LrnPoolProblem>& to);
void append(const std::string& list, Pass pass, std::vector<ActivationProblem>& to);
void append(const std::string& list, Pass pass, std::vector<ScaleProblem>& to);
void append(const std::string& list, Pass pass, std::vector<AddProblem>& to);
void append(const std::string& list, Pass pass, std::vector<BiasProblem>& to);
void append(const std::string& list, Pass pass, std::vector<DropoutProblem>& to);
void append(const std::string& list, Pass pass, std::vector<LossProblem>& to);
void append(const std::string& list, Pass pass, std::vector<UpdateProblem>& to);
void append(const std::string& list, Pass pass, std::vector<InputProblem>& to);
void append(const std::string& list, Pass pass, std::vector<FoldWeightsProblem>& to);

template <class Op>
std::vector<typename Op::Problem> problems(const std::string& list) {
  std::vector<typename Op::Problem> p;
  append(list, Op::kPass, p);
  return p;
}

/// Lines of tests/problems/<name>.txt without comments and blanks.
std::vector<std::string> problem_lines(const std::string& name);

}  // namespace fovea::test
