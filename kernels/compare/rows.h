// rows.h - from a problem as text to the rows of its op. Internal.
#pragma once

#include <fovea/kernels/compare/compare.h>
#include <fovea/kernels/compare/subject.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::compare {

struct RowRequest {
  const Registry& registry;
  const SuiteProblem& problem;
  Pass pass;
  const Options& options;
  const Ceilings& ceilings;
  const std::function<void(const Row&)>& on_row;
};

/// All rows of the request's problem and pass.
std::vector<Row> rows_of(const RowRequest& request);
/// Inputs and result of the one algorithm that is admitted.
std::vector<NamedValues> values_of(const RowRequest& request,
                                   const std::vector<NamedValues>& given);

/// Throws InvalidArgument for a pass that the op has not.
std::unique_ptr<Subject> subject_of(const SuiteProblem& problem, Pass pass);
// The same, one source file a family.
std::unique_ptr<Subject> conv_subject(const std::string& problem, Pass pass);
std::unique_ptr<Subject> linear_subject(const std::string& problem, Pass pass);
// lrn, lrn_pool, maxpool, avgpool
std::unique_ptr<Subject> plane_subject(std::string_view op, const std::string& problem, Pass pass);
// elementwise ops, losses, input, update, folding of weights
std::unique_ptr<Subject> value_subject(std::string_view op, const std::string& problem, Pass pass);

}  // namespace fovea::compare
